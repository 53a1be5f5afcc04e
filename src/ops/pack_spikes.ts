// Spikes as bits: a tensor of 0 and 1 in a 32nd of its memory, for values that are stored long and read rarely.

import packWgsl from "../../shaders/pack_spikes.wgsl";
import unpackWgsl from "../../shaders/unpack_spikes.wgsl";
import { defineOp, expectActivations } from "../autograd/index.ts";
import { grid1d, kernel, OpError } from "../gpu/index.ts";
import { actSpec, numel, type Shape, type Tensor } from "../tensor/index.ts";
import { vec4 } from "./pointwise/vec4.ts";

const packKernel = kernel("pack_spikes", packWgsl);
const unpackKernel = kernel("unpack_spikes", unpackWgsl);

const wordsOf = (elements: number) => Math.ceil(elements / 32);

/**
 * Set one bit for each number that is not 0: 32 neighbours of the flat order share a word, the first in its lowest bit.
 * Any number that is not 0 counts as a spike, NaN too; bits behind the last number are 0.
 *
 * Shapes    s [*] -> words [ceil(numel / 32)], u32.
 * Backward  none.
 * Errors    OpError when s is not f32 or f16.
 */
export const packSpikes = defineOp({
  name: "packSpikes",
  options: [],
  infer([s]: [s: Tensor], _options: object) {
    expectActivations("packSpikes", { s });
    return { shape: [wordsOf(s.numel)], dtype: "u32" };
  },
  forward(words, [s]) {
    packKernel.run({
      bind: { x: vec4(s), y: words },
      params: { n: words.numel, bits: s.numel },
      spec: actSpec(s),
      grid: grid1d(words.numel),
    });
    return [];
  },
});

/**
 * Unpack bits: 1 for a set bit, else 0.
 *
 * Shapes    words [ceil(numel(shape) / 32)], u32 -> s [shape], f32.
 * Backward  none.
 * Errors    OpError if the words are not u32, or their number does not match the shape.
 */
export const unpackSpikes = defineOp({
  name: "unpackSpikes",
  options: ["shape"],
  infer([words]: [words: Tensor], { shape }: { readonly shape: Shape }) {
    if (words.dtype !== "u32") throw new OpError("unpackSpikes", `words: expected u32, got ${words.dtype}`, { words });
    const wanted = wordsOf(numel(shape));
    if (!shape.every((d) => Number.isInteger(d) && d > 0) || words.numel !== wanted)
      throw new OpError("unpackSpikes", `expected ${wanted} words for shape [${shape.join(",")}]`, { words });
    return { shape, dtype: "f32" };
  },
  forward(s, [words]) {
    unpackKernel.run({ bind: { x: words, result: vec4(s) }, params: { n: s.numel }, grid: grid1d(s.numel) });
    return [];
  },
});
