// The L1 penalty that a moving threshold implies. Raising the threshold by τ at learning rate η shrinks every live weight as a
// step on the loss plus λ · Σ|w| would, with λ = τ / η.

import { checksOf } from "../text/index.ts";

const check = checksOf("implied lambda");

/** Threshold, learning rate and weight decay of a step. */
export interface ImpliedLambdaInput {
  /** Threshold in force during step n, d(n), in units of the weights. */
  readonly threshold: number;
  /** Increment of step n, τ = d(n+1) - d(n) (ThresholdSchedule.increment). Negative where a latent threshold falls. */
  readonly increment: number;
  /** Learning rate η of step n. */
  readonly lr: number;
  /** Momentum μ in [0, 1); default 0. */
  readonly momentum?: number | undefined;
  /** Weight decay; default 0. */
  readonly weightDecay?: number | undefined;
  /** Weight that decay acts on: the latent one (default), or the thresholded one, where decay adds no L1. */
  readonly decayTarget?: "latent" | "effective" | undefined;
}

/** All four in loss per unit of weight. */
export interface ImpliedLambda {
  /** λ = τ / η, the coefficient of proximal SGD without momentum. */
  readonly lambda: number;
  /** (1 - μ) λ: the same in units of the task loss. */
  readonly effective: number;
  /** wd · d: the part of the decay of a latent weight |θ| = |w| + d beyond L2 on w. */
  readonly decay: number;
  /** effective + decay: the coefficient that acts on a live weight. */
  readonly total: number;
}

/**
 * Compute the L1 coefficient that one step of a threshold schedule implies:
 *
 *     λ = τ / η,   effective = (1 - μ) λ,   decay = wd · d,   total = effective + decay
 *
 * Momentum divides by (1 - μ): a steady gradient moves a weight by η g / (1 - μ) per step, while the threshold moves by
 * τ once; so a live weight settles at |g| = (1 - μ) λ. Decay on the latent weight pulls with wd (|w| + d): the part
 * wd · d is an L1 force that grows with the threshold, and in long runs it can outweigh the first.
 *
 * With lr = 0, λ is 0 if the threshold does not move, else infinite. A threshold that falls has a negative λ: it lets live weights
 * grow.
 *
 * Errors   ArgumentError naming the option, the expected and the actual value.
 * Source   proximal gradient descent (ISTA): the prox of η λ |·| is the soft threshold by η λ. The momentum and decay
 *          terms follow from the balance of forces on a live weight; tests check that a weight settles there.
 */
export function impliedLambda(step: ImpliedLambdaInput): ImpliedLambda {
  const { threshold, increment, lr, momentum = 0, weightDecay = 0, decayTarget = "latent" } = step;
  check("threshold", "a number >= 0", threshold, threshold >= 0);
  check("increment", "a finite number", increment, Number.isFinite(increment));
  check("lr", "a number >= 0", lr, lr >= 0);
  check("momentum", "a number in [0, 1)", momentum, momentum >= 0 && momentum < 1);
  check("weightDecay", "a number >= 0", weightDecay, weightDecay >= 0);
  const lambda = increment === 0 ? 0 : increment / lr;
  const effective = (1 - momentum) * lambda;
  const decay = decayTarget === "latent" ? weightDecay * threshold : 0;
  return { lambda, effective, decay, total: effective + decay };
}

/**
 * Compute the standard deviation over the mean of a trace: 0 for a constant L1 coefficient.
 *
 * Errors   ArgumentError for an empty trace.
 */
export function coefficientOfVariation(trace: readonly number[]): number {
  check("trace", "at least one value", trace.length, trace.length > 0);
  const mean = trace.reduce((sum, v) => sum + v, 0) / trace.length;
  if (trace.every((v) => v === trace[0])) return 0;
  const variance = trace.reduce((sum, v) => sum + (v - mean) ** 2, 0) / trace.length;
  return Math.sqrt(variance) / Math.abs(mean);
}
