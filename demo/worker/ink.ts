// Turns a drawing into an image the way MNIST's were made: the box of the ink is scaled, at the same aspect ratio, to 20 of
// 28 pixels on its longer side, and its centre of mass is moved to the middle.

/** Grey values at or below this count as background: soft edges fade to them. */
const PAPER = 12;
/** Longer side of the ink's box as a share of the image's side. */
const BOX = 20 / 28;

/** Compute the mean of `pixels` [size, size] over a rectangle with fractional edges; outside is 0. */
function mean(pixels: ArrayLike<number>, size: number, x0: number, y0: number, x1: number, y1: number): number {
  let sum = 0;
  for (let y = Math.max(0, Math.floor(y0)); y < Math.min(size, Math.ceil(y1)); y++) {
    const tall = Math.min(y + 1, y1) - Math.max(y, y0);
    for (let x = Math.max(0, Math.floor(x0)); x < Math.min(size, Math.ceil(x1)); x++) {
      const wide = Math.min(x + 1, x1) - Math.max(x, x0);
      sum += tall * wide * pixels[y * size + x]!;
    }
  }
  return sum / ((x1 - x0) * (y1 - y0));
}

/**
 * Return the drawing as [side, side] grey values, 0 to 255.
 *
 * Errors   RangeError if sizes do not match or the drawing is empty.
 */
export function fitInk(pixels: Uint8Array, size: number, side = 28): Float32Array {
  if (!Number.isInteger(size) || size < 1 || pixels.length !== size * size) {
    throw new RangeError(`drawing of side ${size}: expected ${size * size} pixels, got ${pixels.length}`);
  }
  let [left, top, right, bottom] = [size, size, -1, -1];
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      if (pixels[y * size + x]! <= PAPER) continue;
      left = Math.min(left, x);
      right = Math.max(right, x);
      top = Math.min(top, y);
      bottom = y;
    }
  }
  if (right < 0) throw new RangeError("the drawing is empty");
  const scale = Math.max(right - left + 1, bottom - top + 1) / (BOX * side);
  /** Return the scaled drawing's value at an output pixel if its box starts at `ox`, `oy`. */
  const at = (x: number, y: number, ox: number, oy: number) => {
    const x0 = left + (x - ox) * scale;
    const y0 = top + (y - oy) * scale;
    // If the drawing is enlarged, average over at least one of its pixels, which blurs a little.
    const more = Math.max(0, 1 - scale) / 2;
    return mean(pixels, size, x0 - more, y0 - more, x0 + scale + more, y0 + scale + more);
  };
  const center = { x: (side - (right - left + 1) / scale) / 2, y: (side - (bottom - top + 1) / scale) / 2 };
  const first = render(side, (x, y) => at(x, y, center.x, center.y));
  let [mass, mx, my] = [0, 0, 0];
  first.forEach((v, i) => {
    mass += v;
    mx += v * ((i % side) + 0.5);
    my += v * (Math.floor(i / side) + 0.5);
  });
  // Shift by whole pixels, as MNIST did; the ink stays inside the image.
  const margin = (span: number) => (side - span / scale) / 2;
  const limit = (shift: number, room: number) => Math.max(-Math.floor(room), Math.min(Math.floor(room), shift));
  const dx = limit(Math.round(side / 2 - mx / mass), margin(right - left + 1));
  const dy = limit(Math.round(side / 2 - my / mass), margin(bottom - top + 1));
  return render(side, (x, y) => at(x, y, center.x + dx, center.y + dy));
}

function render(side: number, value: (x: number, y: number) => number): Float32Array {
  return Float32Array.from({ length: side * side }, (_, i) => value(i % side, Math.floor(i / side)));
}

/** Compute the softmax of a row of logits. */
export function softmaxOf(logits: ArrayLike<number>): Float32Array {
  const values = Array.from(logits);
  const most = Math.max(...values);
  const exps = values.map((v) => Math.exp(v - most));
  const sum = exps.reduce((a, b) => a + b, 0);
  return Float32Array.from(exps, (e) => e / sum);
}
