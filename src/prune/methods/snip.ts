// SNIP: before training, cut the weights with the smallest effect on the loss (Lee et al. 2019).
//     score = |w · dL/dw|, the gradient summed over a few batches;  cut the floor(target · weights) smallest of all layers
//     with `group`, the score of a group is the sum of its weights'; the last group may exceed the target
import { check, groupOf, type PruneConfig, targetOf } from "../config.ts";
import { placesOf, type Units, unitsOf } from "../group_members.ts";
import { noteGroups } from "../groups.ts";
import { noThreshold, type PruningMethod, type PruningRun } from "../method.ts";
import { summedGradients } from "./gradients.ts";
import { cutPlaces, prunedArenas, prunedParameters, shareOfPruned } from "./pruned.ts";

export function snip(config: PruneConfig): PruningMethod {
  const { snipBatches = 4 } = config;
  check("snipBatches", "an integer >= 1", snipBatches, Number.isInteger(snipBatches) && snipBatches >= 1);
  const target = targetOf(config, "snip");
  const group = groupOf(config);
  return {
    ...noThreshold,
    name: group ? `snip ${group}` : "snip",
    group: { mode: "inplace" },
    phase: () => "mask",
    isFrozen: () => true,
    async prepare(run: PruningRun) {
      const params = prunedParameters(run.optimizer);
      const share = shareOfPruned(target, run.model, prunedArenas(run.optimizer));
      const gradients = await summedGradients(run, params, snipBatches, "snip");
      const weights = await Promise.all(params.map((p) => p.data() as Promise<Float32Array>));
      const scores = gradients.map((sum, k) => sum.map((g, i) => Math.abs(g * weights[k]![i]!)));
      if (group) noteGroups(run.model, params);
      cutPlaces(
        params,
        weights,
        group ? smallestUnits(scores, unitsOf(group, params), share) : smallest(scores, share),
      );
    },
  };
}

/** Return the places of the units with the smallest sums of scores, whose weights are at least floor(share · all). */
function smallestUnits(scores: readonly Float64Array[], units: Units, share: number): Uint32Array[] {
  const sums = new Float64Array(units.sizes.length);
  units.of.forEach((layer, k) => {
    for (const [i, unit] of layer.entries()) sums[unit]! += scores[k]![i]!;
  });
  const order = Uint32Array.from(sums.keys()).sort((a, b) => sums[a]! - sums[b]! || a - b);
  const total = scores.reduce((n, s) => n + s.length, 0);
  return placesOf(units, order, Math.floor(share * total));
}

/** Return the indices of the floor(share · all) smallest scores over all lists together; of equal scores, the first. */
export function smallest(scores: readonly Float64Array[], share: number): Uint32Array[] {
  const total = scores.reduce((n, s) => n + s.length, 0);
  const all = new Float64Array(total);
  let at = 0;
  for (const s of scores) {
    all.set(s, at);
    at += s.length;
  }
  const order = Uint32Array.from(all.keys()).sort((a, b) => all[a]! - all[b]! || a - b);
  const gone = new Uint8Array(total);
  for (const i of order.subarray(0, Math.floor(share * total))) gone[i] = 1;
  let start = 0;
  return scores.map((s) => {
    const places = Uint32Array.from(s.keys()).filter((i) => gone[start + i] === 1);
    start += s.length;
    return places;
  });
}
