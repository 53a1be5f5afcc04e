// The weights of one layer over time: which have just died, which have just come back, and the pixels that show it.
import { LEVELS, type Palette, pixelOf, ramp, strengthOf, topOf } from "./colors.ts";

/** How long a death fades and a return flashes, in ms. */
export const FADE_MS = 1000;

/** `share` of the way from one pixel to another. Numbers only: this runs for thousands of weights a frame. */
function blend(from: number, to: number, share: number): number {
  const r = (from & 255) + ((to & 255) - (from & 255)) * share;
  const g = ((from >>> 8) & 255) + (((to >>> 8) & 255) - ((from >>> 8) & 255)) * share;
  const b = ((from >>> 16) & 255) + (((to >>> 16) & 255) - ((from >>> 16) & 255)) * share;
  return (0xff000000 | ((b + 0.5) << 16) | ((g + 0.5) << 8) | (r + 0.5)) >>> 0;
}

export class WeightFilm {
  private weights: Float32Array = new Float32Array(0);
  /** The sign a dead weight had, and when weights changed sides (ms; -Infinity: long ago). */
  private signs = new Int8Array(0);
  private changed = new Float64Array(0);
  private top = 0;
  private still = Number.NEGATIVE_INFINITY;
  private palette: Palette | null = null;
  private table: Uint32Array = new Uint32Array(0);
  private flash = 0;

  get length(): number {
    return this.weights.length;
  }

  /** Takes the next picture. `animate` false: nothing fades or flashes. */
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
      const was = before[i]!;
      if ((was === 0) === (weights[i] === 0)) continue;
      this.signs[i] = Math.sign(was);
      this.changed[i] = now;
      this.still = now + FADE_MS;
    }
  }

  /** Whether pixels will differ from those painted now. */
  moving(now: number): boolean {
    return now < this.still;
  }

  /**
   * Writes one pixel for each entry of `places` (an index of a weight, or -1 for `gap`) into `pixels`.
   * Without places: one for each weight, in order.
   */
  paint(pixels: Uint32Array, palette: Palette, now: number, places: Int32Array | null, gap = 0): void {
    if (palette !== this.palette) {
      this.palette = palette;
      this.table = ramp(palette);
      this.flash = pixelOf(palette.flash);
    }
    const count = Math.min(pixels.length, places ? places.length : this.weights.length);
    const { weights, table, top } = this;
    const moving = this.moving(now);
    for (let p = 0; p < count; p++) {
      const i = places ? places[p]! : p;
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

  /** A death starts at its full hue, however small the weight was; a return starts as a flash. */
  private hue(weight: number, i: number): number {
    if (weight !== 0) return this.flash;
    return this.table[this.signs[i]! < 0 ? 0 : 2 * LEVELS]!;
  }
}
