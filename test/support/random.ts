// Repeatable test data without touching the engine: a small integer hash, normal values by Box and Muller.

function hash(n: number): number {
  let h = Math.imul(n ^ 0x9e3779b9, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** n standard normal values. */
export function randomArray(n: number, seed = 1, scale = 1): Float32Array {
  const out = new Float32Array(n);
  for (let i = 0; i < n; i++) {
    const u = (hash(seed * 7919 + 2 * i) + 1) / 4294967297;
    const v = hash(seed * 7919 + 2 * i + 1) / 4294967296;
    out[i] = Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * v) * scale;
  }
  return out;
}

/** n integers in [0, high). */
export function randomInts(n: number, high: number, seed = 1): Int32Array {
  return Int32Array.from({ length: n }, (_, i) => hash(seed * 104729 + i) % high);
}
