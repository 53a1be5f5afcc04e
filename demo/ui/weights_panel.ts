// Pictures of the weights: the filters of the first layer, and a map of every layer.
import type { LayerInfo, LayerPicture } from "../shared/protocol.ts";
import { t } from "../texts/text.ts";
import { PixelBoard, pictureCanvas } from "./canvas.ts";
import { find, make, setText } from "./dom.ts";
import type { Frames } from "./frames.ts";
import { filterMap, type LayerMap, matrixMap, volume } from "./layer_map.ts";
import { layerNames } from "./layer_names.ts";
import { count, percent } from "./numbers.ts";
import { mayMove, theme } from "./theme.ts";
import { WeightFilm } from "./weight_film.ts";

/** Least time between two drawings of an animation, in ms. */
const BETWEEN_MS = 45;

/** Pictures wider than this many weights span two columns. */
const LARGE = 180;

/** One picture of a layer on the page. */
interface View {
  readonly canvas: HTMLCanvasElement;
  readonly map: LayerMap;
  readonly board: PixelBoard;
  /** Label without the share of zeros. */
  readonly label: string;
}

/** A layer of one lane and its pictures. */
class LayerView {
  readonly views: View[] = [];
  private readonly film = new WeightFilm();
  private next: Float32Array | null = null;
  private readonly total: number;
  private left: HTMLElement | null = null;
  private painted = Number.NEGATIVE_INFINITY;

  constructor(info: LayerInfo) {
    this.total = volume(info.shape);
  }

  view(map: LayerMap, label: string, left: HTMLElement | null): HTMLCanvasElement {
    const canvas = pictureCanvas(label, "pixels");
    canvas.style.aspectRatio = `${map.width} / ${map.height}`;
    this.views.push({ canvas, map, board: new PixelBoard(canvas, map.width, map.height), label });
    if (left) this.left = left;
    return canvas;
  }

  update(picture: LayerPicture): void {
    // Ignore a picture of another network.
    if (picture.weights.length !== this.total) return;
    this.next = picture.weights;
    if (this.left)
      setText(this.left, t("maps.left", { left: count(this.total - picture.zeros), total: count(this.total) }));
  }

  draw(now: number): boolean {
    const animate = mayMove();
    if (this.next) this.film.show(this.next, now, animate);
    else if (now - this.painted < BETWEEN_MS && this.film.moving(now)) return true;
    this.next = null;
    if (this.film.length === 0) return false;
    this.painted = now;
    const { palette } = theme();
    for (const { map, board } of this.views) {
      this.film.paint(board.pixels, palette, now, map.indices);
      board.put();
    }
    // Draw once more after the end, so that no trace of a fade remains.
    return animate && this.film.moving(now - BETWEEN_MS * 2);
  }
}

export class WeightsPanel {
  private readonly frames: Frames;
  private readonly filters = find<HTMLElement>("#filters");
  private readonly maps = find<HTMLElement>("#maps");
  /** Smooths pictures with more weights than screen pixels; all others show each weight as a square. */
  private readonly sizes = new ResizeObserver((entries) => {
    for (const { target, contentRect } of entries)
      target.classList.toggle("reduced", contentRect.width * devicePixelRatio < (target as HTMLCanvasElement).width);
  });
  private lanes: LayerView[][] = [];
  private jobs: Element[] = [];
  private described = 0;

  constructor(frames: Frames) {
    this.frames = frames;
  }

  /** Start over with empty pictures of these networks. */
  reset(lanes: readonly { readonly method: string; readonly layers: readonly LayerInfo[] }[]): void {
    for (const job of this.jobs) this.frames.remove(job);
    this.jobs = [];
    this.described = 0;
    this.filters.replaceChildren();
    this.maps.replaceChildren();
    this.lanes = lanes.map(({ layers }) => layers.map((info) => new LayerView(info)));
    this.sizes.disconnect();
    const names = layerNames(lanes[0]?.layers ?? []);
    lanes[0]?.layers.forEach((info, index) => {
      const wide = matrixMap(info.shape).width > LARGE;
      const card = make("div", wide ? "layer large" : "layer", this.title(info, names[index]!));
      lanes.forEach((lane, at) => {
        const layer = this.lanes[at]?.[index];
        const shape = lane.layers[index]?.shape;
        if (!layer || !shape) return;
        const left = make("span", "faint");
        const canvas = layer.view(matrixMap(shape), t("maps.label", { layer: names[index]!, lane: lane.method }), left);
        const head = make("p", `lane-line lane-${at}`, make("span", "swatch"), `${lane.method} `, left);
        card.append(make("div", "layer-lane", head, canvas));
        this.job(canvas, layer);
        if (index === 0) this.firstLayer(layer, shape, lane.method, at);
      });
      this.maps.append(card);
    });
  }

  update(lane: number, layers: readonly LayerPicture[]): void {
    layers.forEach((picture, index) => {
      const layer = this.lanes[lane]?.[index];
      layer?.update(picture);
      for (const { canvas } of layer?.views ?? []) this.frames.mark(canvas);
    });
    this.describe(lane, layers);
  }

  private job(canvas: HTMLCanvasElement, layer: LayerView): void {
    this.frames.add(canvas, (now) => layer.draw(now));
    this.sizes.observe(canvas);
    this.jobs.push(canvas);
  }

  private title({ name, shape }: LayerInfo, readable: string): HTMLElement {
    return make("h3", "layer-name", readable, make("span", "faint key", ` ${name} ${shape.join(" × ")}`));
  }

  private firstLayer(layer: LayerView, shape: readonly number[], method: string, lane: number): void {
    const map = filterMap(shape) ?? matrixMap(shape, 2);
    const canvas = layer.view(map, t("filters.label", { lane: method }), null);
    const head = make("p", `lane-line lane-${lane}`, make("span", "swatch"), method);
    this.filters.append(make("div", "layer-lane", head, canvas));
    this.job(canvas, layer);
  }

  /** Update the labels for screen readers, at most every ten seconds. */
  private describe(lane: number, layers: readonly LayerPicture[]): void {
    const now = performance.now();
    if (lane === 0 && this.described && now - this.described < 10_000) return;
    if (lane === 0) this.described = now;
    layers.forEach((picture, index) => {
      for (const { canvas, label } of this.lanes[lane]?.[index]?.views ?? []) {
        const zeros = percent(picture.weights.length > 0 ? picture.zeros / picture.weights.length : null);
        canvas.setAttribute("aria-label", t("maps.zeros", { label, zeros }));
      }
    });
  }
}
