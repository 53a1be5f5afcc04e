// A drawing made to look like the digits a network has learned: as MNIST was made, cropped, scaled and centred by its mass.

/** Side of the picture that networks get, and of the box that the ink is scaled to. */
export const FITTED = 28;
const BOX = 20;

/** Mean of the source over a box with fractional edges. */
function area(ink: Uint8Array, size: number, x0: number, y0: number, side: number): number {
  let sum = 0;
  for (let y = Math.floor(y0); y < y0 + side; y++) {
    const high = Math.min(y + 1, y0 + side) - Math.max(y, y0);
    for (let x = Math.floor(x0); x < x0 + side; x++) {
      if (x < 0 || y < 0 || x >= size || y >= size) continue;
      sum += (ink[y * size + x] as number) * high * (Math.min(x + 1, x0 + side) - Math.max(x, x0));
    }
  }
  return sum / (side * side);
}

/**
 * A square of grey values [size, size], ink bright, as 28 x 28: the longest side of the ink becomes 20 pixels, its centre of
 * mass the middle. Null where there is no ink.
 */
export function fitInk(ink: Uint8Array, size: number): Uint8Array | null {
  let left = size;
  let right = -1;
  let top = size;
  let bottom = -1;
  let mass = 0;
  let massX = 0;
  let massY = 0;
  for (let y = 0; y < size; y++)
    for (let x = 0; x < size; x++) {
      const value = ink[y * size + x] as number;
      if (value === 0) continue;
      left = Math.min(left, x);
      right = Math.max(right, x);
      top = Math.min(top, y);
      bottom = Math.max(bottom, y);
      mass += value;
      massX += value * (x + 0.5);
      massY += value * (y + 0.5);
    }
  if (mass === 0) return null;
  const scale = Math.max(right - left + 1, bottom - top + 1) / BOX;
  const x0 = massX / mass - (FITTED / 2) * scale;
  const y0 = massY / mass - (FITTED / 2) * scale;
  const fitted = new Uint8Array(FITTED * FITTED);
  for (let y = 0; y < FITTED; y++)
    for (let x = 0; x < FITTED; x++)
      fitted[y * FITTED + x] = Math.round(Math.min(255, area(ink, size, x0 + x * scale, y0 + y * scale, scale)));
  return fitted;
}
