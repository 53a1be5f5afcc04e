// Weights with zeros in blocks, for tests of sparse kernels.
import { blockRows } from "../../src/ops/sparse/blocks.ts";

/** Set the blocks of least norm to zero: a share `zeros` of all blocks. */
export function pruneBlocks(
  data: Float32Array,
  shape: readonly number[],
  { size, groups = 1, zeros }: { readonly size: number; readonly groups?: number; readonly zeros: number },
): Float32Array {
  const out = Float32Array.from(data);
  const each = data.length / shape[0]!;
  const blocks = blockRows(shape[0]!, groups, size).flatMap(({ first, count }) =>
    Array.from({ length: each }, (_, place) => {
      const members = Array.from({ length: count }, (_, r) => (first + r) * each + place);
      return { members, norm: members.reduce((sum, i) => sum + data[i]! ** 2, 0) / count };
    }),
  );
  blocks.sort((a, b) => a.norm - b.norm);
  for (const { members } of blocks.slice(0, Math.round(zeros * blocks.length))) for (const i of members) out[i] = 0;
  return out;
}
