// The sparse-group soft threshold in float64, and the groups of a weight by a plain walk over its outputs.
import type { Shape } from "../../src/tensor/index.ts";

export type GroupName = "block8" | "block4" | "filter" | "neuron";

/** Return the groups of a weight as lists of indices, in order. `parts`: groups of the convolution. */
export function groupsOf(name: GroupName, shape: Shape, parts = 1): number[][] {
  const outputs = shape[0]!;
  const inner = shape.slice(1).reduce((n, d) => n * d, 1);
  const row = (o: number) => Array.from({ length: inner }, (_, k) => o * inner + k);
  const rows = Array.from({ length: outputs }, (_, o) => row(o));
  if (name === "filter" || (name === "neuron" && shape.length === 2)) return rows;
  if (name === "neuron") return rows.flat().map((i) => [i]);
  const size = name === "block8" ? 8 : 4;
  const found: number[][] = [];
  for (let part = 0; part < parts; part++) {
    const [from, until] = [(part * outputs) / parts, ((part + 1) * outputs) / parts];
    for (let o = from; o < until; o += size) {
      for (let k = 0; k < inner; k++) {
        const block: number[] = [];
        for (let j = o; j < Math.min(o + size, until); j++) block.push(j * inner + k);
        found.push(block);
      }
    }
  }
  return found;
}

/** Return u max(0, 1 - d2 sqrt(n) / |u|), u = S(x, d1), of one group. */
export function proxOfGroup(x: readonly number[], d1: number, d2: number): number[] {
  const u = x.map((v) => Math.sign(v) * Math.max(Math.abs(v) - d1, 0));
  const norm = Math.hypot(...u);
  const limit = d2 * Math.sqrt(x.length);
  return u.map((v) => (norm > limit ? v * (1 - limit / norm) : 0));
}

/** Return the threshold of all groups. */
export function sparseGroup(
  x: ArrayLike<number>,
  groups: readonly (readonly number[])[],
  d1: number,
  d2: number,
): Float64Array {
  const y = new Float64Array(x.length);
  for (const group of groups) {
    proxOfGroup(
      group.map((i) => x[i]!),
      d1,
      d2,
    ).forEach((v, j) => {
      y[group[j]!] = v;
    });
  }
  return y;
}
