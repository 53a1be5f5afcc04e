// Random pruning before training: the baseline of every other mask. With the shares of another run it is that run's mask, shuffled
// within each layer.
import { PhiloxStream } from "../../tensor/philox.ts";
import { budgetOf } from "../budget.ts";
import type { PruneConfig, RunShape } from "../config.ts";
import { noThreshold, type PruningMethod } from "../method.ts";
import { prunedParameters } from "./pruned.ts";

export function random(config: PruneConfig, run: RunShape): PruningMethod {
  const divide = budgetOf(config, "random");
  return {
    ...noThreshold,
    name: "random",
    group: { mode: "inplace" },
    phase: () => "mask",
    isFrozen: () => true,
    async prepare(own) {
      const { weights, zeros } = divide(own);
      const keeps = weights.map((n, row) => {
        const keep = new Uint8Array(n).fill(1);
        for (const i of drawn(n, Math.floor(zeros[row]!), run.seed, row)) keep[i] = 0;
        return keep;
      });
      let row = 0;
      let at = 0;
      for (const p of prunedParameters(own.optimizer)) {
        const w = (await p.data()) as Float32Array;
        // A row is one layer, or holds all of them in order.
        const keep = keeps[row]!.subarray(at, at + w.length);
        p.set(w.map((v, i) => (keep[i] === 1 ? v : 0)));
        at += w.length;
        if (at === keeps[row]!.length) [row, at] = [row + 1, 0];
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
