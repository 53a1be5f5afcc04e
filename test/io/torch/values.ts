/** Return the values of make.py: element i is ((7 i + seed) mod 11 - 5) / divisor. */
export const values = (count: number, seed = 0, divisor = 4) =>
  Array.from({ length: count }, (_, i) => (((7 * i + seed) % 11) - 5) / divisor);
