// The big map: every weight of the largest layer as a point.

import { t } from "../texts/text.ts";
import { PixelBoard, pictureCanvas } from "../ui/canvas.ts";
import type { Frames } from "../ui/frames.ts";
import type { LayerMap } from "../ui/layer_map.ts";
import { count } from "../ui/numbers.ts";
import { mayMove, theme } from "../ui/theme.ts";
import { WeightFilm } from "../ui/weight_film.ts";
import { type Frame, weightsOf } from "./frame.ts";
import { tileMap } from "./tile_map.ts";

/** Least time between two drawings of an animation, in ms. */
const BETWEEN_MS = 45;
/** Limits of the picture's width over its height. */
const ASPECT = { min: 1, max: 3 };

export class MapView {
  readonly canvas = pictureCanvas("", "stage-map");
  private readonly frames: Frames;
  private film = new WeightFilm();
  private map: LayerMap | null = null;
  private board: PixelBoard | null = null;
  private next: Frame | null = null;
  private painted = Number.NEGATIVE_INFINITY;
  private labelled = Number.NEGATIVE_INFINITY;

  constructor(frames: Frames) {
    this.frames = frames;
    frames.add(this.canvas, (now) => this.draw(now));
  }

  /** Start over with a layer of this shape. */
  reset(shape: readonly number[]): void {
    const { clientWidth, clientHeight } = this.canvas;
    const aspect = clientHeight > 0 ? clientWidth / clientHeight : 1;
    this.map = tileMap(shape, Math.min(ASPECT.max, Math.max(ASPECT.min, aspect)));
    this.board = new PixelBoard(this.canvas, this.map.width, this.map.height);
    this.film = new WeightFilm();
  }

  show(frame: Frame): void {
    this.next = frame;
    this.frames.mark(this.canvas);
    const now = performance.now();
    if (now - this.labelled < 5000) return;
    this.labelled = now;
    const left = frame.levels.reduce((n, level) => n + (level === 0 ? 0 : 1), 0);
    this.canvas.setAttribute("aria-label", t("stage.map.label", { n: count(frame.levels.length), left: count(left) }));
  }

  private draw(now: number): boolean {
    const { film, map, board } = this;
    if (!map || !board) return false;
    const animate = mayMove();
    if (this.next) film.show(weightsOf(this.next.levels), now, animate);
    else if (now - this.painted < BETWEEN_MS && film.moving(now)) return true;
    this.next = null;
    if (film.length === 0) return false;
    this.painted = now;
    film.paint(board.pixels, theme().palette, now, map.indices);
    board.put();
    // Draw once more after the end, so that no trace of a fade remains.
    return animate && film.moving(now - BETWEEN_MS * 2);
  }
}
