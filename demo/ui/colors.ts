// Colours of weights: the hue shows the sign, the strength the magnitude, and zero is the background. Colour-blind readers
// can distinguish the hues, and they differ from those of the two lanes.

/** Red, green, blue, 0 to 255. */
type Rgb = readonly [number, number, number];

export interface Palette {
  readonly paper: Rgb;
  readonly positive: Rgb;
  readonly negative: Rgb;
  /** Colour of a weight that has just returned from zero. */
  readonly flash: Rgb;
}

export const LIGHT: Palette = {
  paper: [255, 255, 255],
  positive: [0, 104, 55],
  negative: [118, 42, 131],
  flash: [245, 166, 0],
};

export const DARK: Palette = {
  paper: [13, 17, 22],
  positive: [110, 231, 150],
  negative: [214, 140, 255],
  flash: [255, 214, 64],
};

/** Least strength of a non-zero weight. */
const LEAST = 0.22;

/** Return the strength of a weight's colour, 0 to 1: 0 only for zero, 1 from `top` on. */
export function strengthOf(weight: number, top: number): number {
  if (weight === 0 || Number.isNaN(weight)) return 0;
  const share = top > 0 ? Math.min(1, Math.abs(weight) / top) : 1;
  return LEAST + (1 - LEAST) * Math.sqrt(share);
}

/** Return the magnitude, as a share of the top, that has this strength; above 0 for every strength above 0. */
export function magnitudeOf(strength: number): number {
  return strength > 0 ? Math.max(1e-6, (Math.max(0, strength - LEAST) / (1 - LEAST)) ** 2) : 0;
}

/** Return the magnitude of full colour: three times the root mean square of the non-zero weights. */
export function topOf(weights: Float32Array): number {
  let sum = 0;
  let live = 0;
  for (const weight of weights) {
    if (weight === 0 || !Number.isFinite(weight)) continue;
    sum += weight * weight;
    live++;
  }
  return live === 0 ? 0 : 3 * Math.sqrt(sum / live);
}

/** Interpolate from a to b. */
export function mix(a: Rgb, b: Rgb, share: number): Rgb {
  return [a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share, a[2] + (b[2] - a[2]) * share];
}

/** Number of colours for each sign. */
export const LEVELS = 127;

export const pixelOf = ([r, g, b]: Rgb): number =>
  (0xff000000 | (Math.round(b) << 16) | (Math.round(g) << 8) | Math.round(r)) >>> 0;

/** Return a table of 32-bit pixels (little-endian RGBA) for strengths -1 to 1; entry LEVELS is zero. */
export function ramp(palette: Palette): Uint32Array {
  const table = new Uint32Array(2 * LEVELS + 1);
  for (let i = -LEVELS; i <= LEVELS; i++) {
    const hue = i < 0 ? palette.negative : palette.positive;
    table[i + LEVELS] = pixelOf(mix(palette.paper, hue, Math.abs(i) / LEVELS));
  }
  return table;
}
