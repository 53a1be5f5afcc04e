// Random pruning before training, the same share in each layer: the baseline of every other mask.
import { PhiloxStream } from "../../tensor/philox.ts";
import { type PruneConfig, type RunShape, targetOf } from "../config.ts";
import { noThreshold, type PruningMethod } from "../method.ts";
import { prunedArenas, prunedParameters, shareOfPruned } from "./pruned.ts";

export function random(config: PruneConfig, run: RunShape): PruningMethod {
  const target = targetOf(config, "random");
  return {
    ...noThreshold,
    name: "random",
    group: { mode: "inplace" },
    phase: () => "mask",
    async prepare({ model, optimizer }) {
      const share = shareOfPruned(target, model, prunedArenas(optimizer));
      for (const [k, p] of prunedParameters(optimizer).entries()) {
        const w = (await p.data()) as Float32Array;
        for (const i of drawn(w.length, Math.floor(share * w.length), run.seed, k)) w[i] = 0;
        p.set(w);
      }
    },
  };
}

/** Draw `count` distinct indices of 0..n-1 from the seed and the layer's number. */
export function drawn(n: number, count: number, seed: number, layer: number): Uint32Array {
  const stream = new PhiloxStream(seed, "mask", [layer, 0, 0]);
  const order = Uint32Array.from({ length: n }, (_, i) => i);
  for (let i = 0; i < count; i++) {
    const j = i + stream.nextBelow(n - i);
    const swapped = order[i]!;
    order[i] = order[j]!;
    order[j] = swapped;
  }
  return order.subarray(0, count);
}
