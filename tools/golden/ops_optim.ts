// Fixtures of optimisers: twenty steps with gradients that are a formula of the weights, g = a (w - c) + noise[k].
import { Parameter } from "../../src/nn/index.ts";
import { type Optimizer, SGD, type SGDOptions, type StepValues } from "../../src/optim/index.ts";
import { makeThresholdSchedule, type ThresholdSchedule } from "../../src/prune/index.ts";
import type { TypedArray } from "../../src/tensor/index.ts";
import type { Attrs } from "./attrs.ts";
import { type GoldenCase, tensorOf } from "./format.ts";
import type { Handler, Handlers, Results } from "./handler.ts";

/** Attributes that describe a case without affecting it. */
export const NOTES = ["rule", "gradient_oracle", "trajectory"];

/** Make a parameter with the given initial values. */
export function parameterFrom(c: GoldenCase, name: string): Parameter {
  const { shape, data } = tensorOf(c, name);
  return new Parameter(shape, () => Float32Array.from(data), { prunable: true });
}

/** Compute the gradient of step k at weights w in float64. */
export function oracle(c: GoldenCase, w: ArrayLike<number>, k: number): Float32Array {
  const [a, center, noise] = [tensorOf(c, "a").data, tensorOf(c, "c").data, tensorOf(c, "noise").data];
  const n = w.length;
  return Float32Array.from({ length: n }, (_, i) => a[i]! * (w[i]! - center[i]!) + noise[k * n + i]!);
}

/** Values of each step, one after another. */
export class Track {
  private readonly values: number[] = [];
  push(values: ArrayLike<number> | number): void {
    if (typeof values === "number") this.values.push(values);
    else for (let i = 0; i < values.length; i++) this.values.push(values[i]!);
  }
  get data(): readonly number[] {
    return this.values;
  }
}

interface Run {
  readonly make: (p: Parameter) => Optimizer;
  readonly steps: number;
  /** Thresholds of step k. */
  readonly values?: (k: number) => StepValues;
}

/** Run the steps with one parameter and record the state after each of them. */
export async function trajectory(
  c: GoldenCase,
  { make, steps, values = () => ({}) }: Run,
  after: (p: Parameter, w: TypedArray, k: number) => Promise<void>,
): Promise<TypedArray | null> {
  const p = parameterFrom(c, "p0");
  const optimizer = make(p);
  try {
    for (let k = 0; k < steps; k++) {
      optimizer.set(values(k));
      p.grad?.set(oracle(c, await p.data(), k));
      p.gradArrived = true;
      optimizer.step();
      await after(p, await p.data(), k);
    }
    using velocity = optimizer.velocityOf(p);
    return velocity ? await velocity.data() : null;
  } finally {
    optimizer.dispose();
    p.dispose();
  }
}

/** Options that all SGD fixtures share. */
export function sgdOptions(attrs: Attrs): SGDOptions & { readonly lr: number } {
  return {
    lr: attrs.number("lr"),
    momentum: attrs.number("momentum", 0),
    dampening: attrs.number("dampening", 0),
    nesterov: attrs.boolean("nesterov", false),
    weightDecay: attrs.number("weight_decay", 0),
  };
}

/** Return S-LATS over the whole run, the schedule of the fixtures. */
export function slatsSchedule(threshold: number, steps: number): ThresholdSchedule {
  const run = { totalSteps: steps, stepsPerEpoch: steps, epochs: 1, lr: () => 1 };
  return makeThresholdSchedule({ schedule: "slats", threshold }, run);
}

/** Run the steps of a scheduled threshold on the stored weight theta. */
export async function latentTrajectory(
  c: GoldenCase,
  schedule: ThresholdSchedule,
  steps: number,
  make: Run["make"],
): Promise<Results> {
  const values = (k: number) => ({ threshold: schedule.at(k), thresholdNext: schedule.at(k + 1) });
  const [theta, w, threshold, share] = [new Track(), new Track(), new Track(), new Track()];
  await trajectory(c, { make, steps, values }, async (p, now, k) => {
    theta.push(p.latent ? await p.latent.data() : []);
    w.push(now);
    threshold.push(schedule.at(k + 1));
    share.push(zeroShare(now));
  });
  return { theta: theta.data, w: w.data, threshold: threshold.data, sparsity: share.data };
}

const zeroShare = (w: ArrayLike<number>) => Array.from(w).filter((v) => v === 0).length / w.length;

const inplace =
  (kind: "l1" | "increment"): Handler =>
  (attrs, c) => {
    attrs.ignore(...NOTES);
    const options = { ...sgdOptions(attrs), mode: "inplace" } as const;
    const steps = attrs.number("steps");
    const shrink = kind === "l1" ? options.lr * attrs.number("l1") : 0;
    const schedule = kind === "increment" ? slatsSchedule(attrs.number("final_threshold"), steps) : null;
    const values = (k: number): StepValues =>
      schedule ? { threshold: schedule.at(k), thresholdNext: schedule.at(k + 1) } : { tau: shrink };
    return async (): Promise<Results> => {
      const [w, share, added] = [new Track(), new Track(), new Track()];
      await trajectory(c, { make: (p) => new SGD([p], options), steps, values }, async (_p, now, k) => {
        w.push(now);
        share.push(zeroShare(now));
        if (schedule) added.push(schedule.increment(k));
      });
      return { w: w.data, sparsity: share.data, ...(schedule ? { threshold_increment: added.data } : {}) };
    };
  };

export const optimHandlers: Handlers = {
  sgd(attrs, c) {
    attrs.ignore(...NOTES);
    const options = sgdOptions(attrs);
    const steps = attrs.number("steps");
    return async () => {
      const p = new Track();
      const velocity = await trajectory(c, { make: (p) => new SGD([p], options), steps }, async (_p, now) =>
        p.push(now),
      );
      return { p: p.data, ...(velocity ? { momentum_buffer: velocity } : {}) };
    };
  },
  sgd_soft_threshold_latent(attrs, c) {
    attrs.ignore(...NOTES);
    const options: SGDOptions = { ...sgdOptions(attrs), mode: "latent" };
    const steps = attrs.number("steps");
    const schedule = slatsSchedule(attrs.number("final_threshold"), steps);
    return () => latentTrajectory(c, schedule, steps, (p) => new SGD([p], options));
  },
  sgd_prox_l1: inplace("l1"),
  sgd_prox_increment: inplace("increment"),
};
