// Division of a target among the layers: the same share in each, the smallest weights of all layers together, more where layers
// are large (ERK), or the shares of another run.
import type { Module } from "../nn/index.ts";
import type { Optimizer } from "../optim/index.ts";
import { ArgumentError } from "../text/index.ts";
import { check, PRUNING_SCOPES, type PruneConfig, type PruningScope, targetOf } from "./config.ts";
import { apportion, erkDensities } from "./erk.ts";
import { layerShares, zerosOfShares } from "./layer_shares.ts";
import { prunedArenas, prunedParameters, shareOfPruned } from "./methods/pruned.ts";

/** The zeros that a method sets. */
export interface Budget {
  /** Rows of the selection: each layer, or all layers as one. */
  readonly scope: "layer" | "all";
  /** Weights of each row. */
  readonly weights: readonly number[];
  /** Zeros of each row at the target. Take the floor. */
  readonly zeros: readonly number[];
}

/**
 * Check the target of a method, and return the function that divides it among the layers of a run.
 *
 * Errors   ArgumentError for a bad scope, share or sparsity; later, for shares that do not fit the layers.
 */
export function budgetOf(
  config: PruneConfig,
  method: string,
  otherwise: PruningScope = "layer",
): (run: { readonly model: Module; readonly optimizer: Optimizer }) => Budget {
  const { scope = otherwise } = config;
  check("scope", `one of ${PRUNING_SCOPES.join(", ")}`, scope, PRUNING_SCOPES.includes(scope));
  if (config.shares !== undefined) {
    const shares = layerShares(config.shares);
    for (const key of ["sparsity", "scope"] as const) {
      if (config[key] !== undefined)
        throw new ArgumentError(`pruning: ${key}: expected nothing beside shares, got ${config[key]}`);
    }
    return ({ model, optimizer }) => {
      const params = prunedParameters(optimizer);
      return { scope: "layer", weights: params.map((p) => p.numel), zeros: zerosOfShares(shares, model, params) };
    };
  }
  const target = targetOf(config, method);
  return ({ model, optimizer }) => {
    const params = prunedParameters(optimizer);
    const weights = params.map((p) => p.numel);
    const total = weights.reduce((a, b) => a + b, 0);
    const share = shareOfPruned(target, model, prunedArenas(optimizer));
    if (scope === "global") return { scope: "all", weights: [total], zeros: [share * total] };
    if (scope === "layer") return { scope, weights, zeros: weights.map((n) => share * n) };
    const zeros = Math.floor(share * total);
    const density = erkDensities(
      params.map((p) => p.shape),
      total - zeros,
    );
    return {
      scope: "layer",
      weights,
      zeros: apportion(
        weights.map((n, l) => (1 - density[l]!) * n),
        zeros,
      ),
    };
  };
}
