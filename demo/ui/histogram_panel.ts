// Histograms of one layer's weights, one for each lane, with the band of the threshold.
import type { LayerInfo, LayerPicture } from "../shared/protocol.ts";
import { t } from "../texts/text.ts";
import { pictureCanvas, type Sheet, sheetOf } from "./canvas.ts";
import { find, make } from "./dom.ts";
import type { Frames } from "./frames.ts";
import { volume } from "./layer_map.ts";
import { layerNames } from "./layer_names.ts";
import { count, short } from "./numbers.ts";
import { theme } from "./theme.ts";
import { AXIS_HEIGHT, drawValueAxis } from "./value_axis.ts";

const TOP = 8;

/** Return the heights of bars on a square root scale, which keeps small counts visible. */
function heightsOf(counts: ArrayLike<number>, most: number): number[] {
  return Array.from(counts, (value) => (most > 0 ? Math.sqrt(value / most) : 0));
}

export class HistogramPanel {
  private readonly frames: Frames;
  private readonly select = find<HTMLSelectElement>("#histogram-layer");
  private readonly host = find<HTMLElement>("#histograms");
  private canvases: HTMLCanvasElement[] = [];
  private names: string[] = [];
  private layers: string[] = [];
  private pictures: (readonly LayerPicture[] | null)[] = [];
  private described = 0;

  constructor(frames: Frames) {
    this.frames = frames;
    this.select.addEventListener("change", () => {
      this.described = 0;
      for (const canvas of this.canvases) this.frames.mark(canvas);
    });
  }

  reset(lanes: readonly { readonly method: string; readonly layers: readonly LayerInfo[] }[]): void {
    for (const canvas of this.canvases) this.frames.remove(canvas);
    const layers = lanes[0]?.layers ?? [];
    this.layers = layerNames(layers);
    const chosen = this.select.value;
    this.select.replaceChildren(...layers.map(({ name }, i) => new Option(`${this.layers[i]} (${name})`, String(i))));
    // Start with the largest layer.
    const sizes = layers.map(({ shape }) => volume(shape));
    this.select.value = chosen && Number(chosen) < layers.length ? chosen : String(sizes.indexOf(Math.max(...sizes)));
    this.names = lanes.map(({ method }) => method);
    this.pictures = lanes.map(() => null);
    this.described = 0;
    this.canvases = [];
    this.host.replaceChildren(
      ...lanes.map(({ method }, lane) => {
        const canvas = pictureCanvas(t("histogram.before", { lane: method }), "histogram");
        this.canvases.push(canvas);
        this.frames.add(canvas, () => {
          this.draw(lane);
          return false;
        });
        const head = make("p", `lane-line lane-${lane}`, make("span", "swatch"), method);
        return make("div", "layer-lane", head, canvas);
      }),
    );
  }

  update(lane: number, layers: readonly LayerPicture[]): void {
    this.pictures[lane] = layers;
    for (const canvas of this.canvases) this.frames.mark(canvas);
  }

  private draw(lane: number): void {
    const canvas = this.canvases[lane];
    const picture = this.pictures[lane]?.[Number(this.select.value)];
    const sheet = canvas && sheetOf(canvas);
    if (!sheet || !picture) return;
    const { effective, stored } = picture.histogram;
    const high = sheet.height - AXIS_HEIGHT - TOP;
    // Both lanes have the same axes, so that they can be compared.
    const { range, most } = this.axes();
    const left = (sheet.width / 2) * (1 - picture.histogram.range / range);
    const wide = (sheet.width - 2 * left) / Math.max(1, effective.length);
    const heights = (counts: Uint32Array) => heightsOf(counts, (most * picture.histogram.range) / range);
    this.band(sheet, picture, range);
    const { context } = sheet;
    const colors = theme();
    context.fillStyle = colors.lanes[lane === 0 ? 0 : 1];
    heights(effective).forEach((share, i) => {
      if (share > 0)
        context.fillRect(left + i * wide + 0.5, TOP + high * (1 - share), Math.max(1, wide - 1), high * share);
    });
    if (stored) {
      context.strokeStyle = colors.ink;
      context.lineWidth = 1;
      context.beginPath();
      heights(stored).forEach((share, i) => {
        const y = TOP + high * (1 - share);
        context.lineTo(left + i * wide, y);
        context.lineTo(left + (i + 1) * wide, y);
      });
      context.stroke();
    }
    this.axis(sheet, range, most);
    this.describe(canvas, lane, picture);
  }

  /** Return the range of values of all lanes, and the largest count in a bin of that range. */
  private axes(): { range: number; most: number } {
    const shown = this.pictures.flatMap((layers) => layers?.[Number(this.select.value)]?.histogram ?? []);
    const range = Math.max(1e-9, ...shown.map((histogram) => histogram.range));
    const most = shown.map(({ range: own, effective, stored }) => {
      const counts = Math.max(0, ...effective, ...(stored ?? []));
      return (counts * range) / Math.max(own, 1e-9);
    });
    return { range, most: Math.max(1, ...most) };
  }

  /** Draw the band: weights with stored values inside it are zero. */
  private band(sheet: Sheet, { threshold }: LayerPicture, range: number): void {
    if (!(threshold > 0) || !(range > 0)) return;
    const { context, width, height } = sheet;
    const half = (Math.min(threshold, range) / range) * (width / 2);
    context.fillStyle = theme().band;
    context.fillRect(width / 2 - half, TOP, 2 * half, height - AXIS_HEIGHT - TOP);
  }

  private axis(sheet: Sheet, range: number, most: number): void {
    const { context } = sheet;
    drawValueAxis(sheet, range, "0");
    context.textBaseline = "top";
    context.textAlign = "left";
    context.fillText(t("histogram.axis", { most: count(most) }), 2, 0);
  }

  private describe(canvas: HTMLCanvasElement, lane: number, picture: LayerPicture): void {
    const now = performance.now();
    if (lane === 0 && this.described && now - this.described < 10_000) return;
    if (lane === 0) this.described = now;
    const live = picture.weights.length - picture.zeros;
    canvas.setAttribute(
      "aria-label",
      t("histogram.label", {
        layer: this.layers[Number(this.select.value)] ?? picture.name,
        lane: this.names[lane] ?? "",
        left: count(live),
        threshold: short(picture.threshold),
      }),
    );
  }
}
