// Random pruning before training: the baseline of every other mask. With the shares of another run it is that run's mask, shuffled
// within each layer. With `group`, whole groups are drawn; the last one may exceed the target.
import { PhiloxStream } from "../../tensor/philox.ts";
import { budgetOf } from "../budget.ts";
import { groupOf, type PruneConfig, type RunShape } from "../config.ts";
import { placesOf, unitsOf } from "../group_members.ts";
import { noteGroups } from "../groups.ts";
import { noThreshold, type PruningMethod } from "../method.ts";
import { cutPlaces, prunedParameters } from "./pruned.ts";

export function random(config: PruneConfig, run: RunShape): PruningMethod {
  const divide = budgetOf(config, "random");
  const group = groupOf(config);
  return {
    ...noThreshold,
    name: group ? `random ${group}` : "random",
    group: { mode: "inplace" },
    phase: () => "mask",
    isFrozen: () => true,
    async prepare(own) {
      const { zeros, scope } = divide(own);
      const params = prunedParameters(own.optimizer);
      if (group) noteGroups(own.model, params);
      // A row is one layer, or holds all of them in order.
      const rows = scope === "all" ? [params] : params.map((p) => [p]);
      for (const [row, layers] of rows.entries()) {
        const units = unitsOf(group, layers);
        const count = Math.floor(zeros[row]!);
        const n = units.sizes.length;
        const places = placesOf(units, drawn(n, group ? n : count, run.seed, row), count);
        const weights = await Promise.all(layers.map((p) => p.data() as Promise<Float32Array>));
        cutPlaces(layers, weights, places);
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
