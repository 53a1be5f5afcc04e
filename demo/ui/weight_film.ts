// The weights of one layer over time: pixels that show which weights became zero and which returned.
import { LEVELS, type Palette, pixelOf, ramp, strengthOf, topOf } from "./colors.ts";

/** Duration of a fade or flash, in ms. */
export const FADE_MS = 1000;

/** Interpolate between two pixels. Without arrays: it runs for thousands of weights a frame. */
function blend(from: number, to: number, share: number): number {
  const r = (from & 255) + ((to & 255) - (from & 255)) * share;
  const g = ((from >>> 8) & 255) + (((to >>> 8) & 255) - ((from >>> 8) & 255)) * share;
  const b = ((from >>> 16) & 255) + (((to >>> 16) & 255) - ((from >>> 16) & 255)) * share;
  return (0xff000000 | ((b + 0.5) << 16) | ((g + 0.5) << 8) | (r + 0.5)) >>> 0;
}

export class WeightFilm {
  private weights: Float32Array = new Float32Array(0);
  /** Former signs of zero weights, and the time of each weight's last change to or from zero (ms). */
  private signs = new Int8Array(0);
  private changed = new Float64Array(0);
  private top = 0;
  private settledAt = Number.NEGATIVE_INFINITY;
  private palette: Palette | null = null;
  private table: Uint32Array = new Uint32Array(0);
  private flash = 0;

  get length(): number {
    return this.weights.length;
  }

  /** Set the next weights. Without `animate` nothing fades or flashes. */
  show(weights: Float32Array, now: number, animate: boolean): void {
    const before = this.weights;
    this.top = topOf(weights);
    this.weights = weights;
    if (before.length !== weights.length) {
      this.signs = new Int8Array(weights.length);
      this.changed = new Float64Array(weights.length).fill(Number.NEGATIVE_INFINITY);
      return;
    }
    if (!animate) return;
    for (let i = 0; i < weights.length; i++) {
      const previous = before[i]!;
      if ((previous === 0) === (weights[i] === 0)) continue;
      this.signs[i] = Math.sign(previous);
      this.changed[i] = now;
      this.settledAt = now + FADE_MS;
    }
  }

  /** Return true while an animation is running. */
  moving(now: number): boolean {
    return now < this.settledAt;
  }

  /**
   * Write one pixel for each entry of `indices` (the index of a weight, or -1 for `gap`).
   * Without indices: one for each weight, in order.
   */
  paint(pixels: Uint32Array, palette: Palette, now: number, indices: Int32Array | null, gap = 0): void {
    if (palette !== this.palette) {
      this.palette = palette;
      this.table = ramp(palette);
      this.flash = pixelOf(palette.flash);
    }
    const count = Math.min(pixels.length, indices ? indices.length : this.weights.length);
    const { weights, table, top } = this;
    const moving = this.moving(now);
    for (let p = 0; p < count; p++) {
      const i = indices ? indices[p]! : p;
      if (i < 0) {
        pixels[p] = gap;
        continue;
      }
      const weight = weights[i]!;
      const level = Math.round(Math.sign(weight) * strengthOf(weight, top) * LEVELS);
      let pixel = table[LEVELS + (level || 0)]!;
      if (moving) {
        const left = 1 - (now - this.changed[i]!) / FADE_MS;
        if (left > 0) pixel = blend(pixel, this.hue(weight, i), Math.min(1, left));
      }
      pixels[p] = pixel;
    }
  }

  /** Return the first colour of an animation: full hue of the former sign for a new zero, the flash for a return. */
  private hue(weight: number, i: number): number {
    if (weight !== 0) return this.flash;
    return this.table[this.signs[i]! < 0 ? 0 : 2 * LEVELS]!;
  }
}
