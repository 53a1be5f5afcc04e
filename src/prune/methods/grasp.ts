// GraSP: before training, cut the weights that the flow of gradients needs least (Wang et al. 2020).
//     score = -w · (H g),   g = dL/dw and H = d²L/dw² of the weights to prune, over a few batches
//     cut the floor(target · weights) largest scores of all layers: without these weights |g|² falls least, or rises
// The tape has no second derivatives, so H g is a central difference of gradients along g:
//     H g = (g(w + e g) - g(w - e g)) / 2e,   e = 2^-8 |w| / |g|
// A step of 0.4 % of the norm of w balances the error of the difference, which grows as e², with the rounding of f32 gradients,
// which grows as 1 / e. The published code divides the logits by 200 first; this one takes the loss of the run as it is.
import type { Parameter } from "../../nn/index.ts";
import { ArgumentError } from "../../text/index.ts";
import { check, type PruneConfig, targetOf } from "../config.ts";
import { noThreshold, type PruningMethod, type PruningRun } from "../method.ts";
import { summedGradients } from "./gradients.ts";
import { cutPlaces, prunedArenas, prunedParameters, shareOfPruned } from "./pruned.ts";
import { smallest } from "./snip.ts";

/** Length of the step of the difference, as a share of the norm of the weights. */
const STEP = 2 ** -8;

export function grasp(config: PruneConfig): PruningMethod {
  const { snipBatches = 4 } = config;
  check("snipBatches", "an integer >= 1", snipBatches, Number.isInteger(snipBatches) && snipBatches >= 1);
  const target = targetOf(config, "grasp");
  return {
    ...noThreshold,
    name: "grasp",
    group: { mode: "inplace" },
    phase: () => "mask",
    isFrozen: () => true,
    begin({ optimizer }) {
      if (optimizer.scale)
        throw new ArgumentError(
          "grasp: precision: expected f32: f16 rounds away the differences of gradients, got f16",
        );
    },
    async prepare(run: PruningRun) {
      const params = prunedParameters(run.optimizer);
      const share = shareOfPruned(target, run.model, prunedArenas(run.optimizer));
      const { weights, product } = await hessianGradient(run, params, snipBatches);
      // The largest scores -w Hg are the smallest w Hg.
      const scores = product.map((hg, k) => hg.map((v, i) => v * weights[k]![i]!));
      cutPlaces(params, weights, smallest(scores, share));
    },
  };
}

const norm = (lists: readonly (Float32Array | Float64Array)[]): number =>
  Math.sqrt(lists.reduce((sum, list) => (list as Float64Array).reduce((s, v) => s + v * v, sum), 0));

/**
 * Compute H g of the loss, summed over the first batches of the run, by a central difference. Returns the weights too, which are
 * afterwards as before. Waits for the GPU. Errors: ArgumentError if the gradient is 0.
 */
export async function hessianGradient(
  run: PruningRun,
  params: readonly Parameter[],
  batches: number,
): Promise<{ readonly weights: Float32Array[]; readonly product: Float64Array[] }> {
  const weights = await Promise.all(params.map((p) => p.data() as Promise<Float32Array>));
  const gradient = await summedGradients(run, params, batches, "grasp");
  const length = norm(gradient);
  if (!(length > 0)) throw new ArgumentError("grasp: expected a gradient, got 0 for all weights");
  const e = (STEP * norm(weights)) / length;
  const gradientAt = (step: number): Promise<Float64Array[]> => {
    params.forEach((p, k) => {
      p.set(weights[k]!.map((w, i) => w + step * gradient[k]![i]!));
    });
    return summedGradients(run, params, batches, "grasp");
  };
  const [ahead, behind] = [await gradientAt(e), await gradientAt(-e)];
  params.forEach((p, k) => {
    p.set(weights[k]!);
  });
  return { weights, product: ahead.map((list, k) => list.map((g, i) => (g - behind[k]![i]!) / (2 * e))) };
}
