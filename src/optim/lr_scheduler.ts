// Learning-rate schedules: pure functions from the number of a step (0, 1, 2, ...) to its learning rate. They hold no state,
// so a resumed run gets the same rates as an uninterrupted one.
import { ArgumentError, checksOf, isRecord, kindOf, type UsesOf, useFault } from "../text/index.ts";

const check = checksOf("learning-rate schedule");

/** Names of the learning-rate schedules. */
export const LR_SCHEDULES = ["constant", "cosine", "multistep", "step"] as const;
/** Name of a learning-rate schedule. */
export type LrScheduleName = (typeof LR_SCHEDULES)[number];

/** Settings of a learning-rate schedule. Lengths are in epochs, also if the rate changes every step. */
export interface LrConfig {
  readonly schedule: LrScheduleName;
  /** Rate at the end of the warm-up, before any decay; > 0. */
  readonly base: number;
  /** Length of the linear warm-up; 0 = none. May be fractional if `per` is "step". */
  readonly warmupEpochs?: number | undefined;
  /** Final rate of cosine; default 0. */
  readonly min?: number | undefined;
  /** multistep: rising epochs at which the rate is multiplied by gamma. Milestones inside the warm-up have no effect. */
  readonly milestones?: readonly number[] | undefined;
  /** step: epochs between two drops. */
  readonly every?: number | undefined;
  /** multistep and step: factor of one drop, in (0, 1]; default 0.1. */
  readonly gamma?: number | undefined;
  /** "epoch": the rate is constant within an epoch. "step" (default): it moves at every step. */
  readonly per?: "epoch" | "step" | undefined;
}

const isOne =
  (...schedules: readonly LrScheduleName[]) =>
  ({ schedule }: LrConfig) =>
    schedules.includes(schedule);

/** The schedules that read each setting. */
export const LR_USES: UsesOf<LrConfig> = {
  schedule: null,
  base: null,
  warmupEpochs: null,
  min: { what: "schedule cosine", when: isOne("cosine"), idle: 0 },
  milestones: { what: "schedule multistep", when: isOne("multistep") },
  every: { what: "schedule step", when: isOne("step") },
  gamma: { what: "schedule multistep and step", when: isOne("multistep", "step"), idle: 0.1 },
  per: null,
};

/** Length of a run. */
export interface RunLength {
  /** Number of epochs. */
  readonly epochs: number;
  /** Steps of an epoch. */
  readonly stepsPerEpoch: number;
}

/** Learning rate of step n, n = 0, 1, 2, ... */
export type LrSchedule = (step: number) => number;

/**
 * One half period of a cosine from `base` down to `min` as x goes from 0 to 1:
 *
 *     min + (base - min) (1 + cos πx) / 2
 *
 * Gentle at both ends, fastest in the middle; the mean is (base + min) / 2.
 * Source: Loshchilov & Hutter 2017 (SGDR), without restarts.
 */
function cosine(x: number, base: number, min = 0): number {
  return min + ((base - min) / 2) * (1 + Math.cos(Math.PI * x));
}

/**
 * Build a schedule. With u the current unit (epoch or step, `per`), U units in total and W units of warm-up:
 *
 *     u < W       base (u + 1) / W                             linear warm-up: never 0, reaches base in unit W - 1
 *     constant    base
 *     cosine      cosine((u - W) / (U - W), base, min)         starts at base, would reach min in unit U
 *     multistep   base gamma^k, k = milestones m with W <= m <= u
 *     step        base gamma^floor(u / every)                  counted from 0, warm-up included
 *
 * After the last step the rate stays at the end of the formula (cosine: min).
 *
 * Units    steps in, learning rate out, all float64.
 * Errors   ArgumentError naming the option, the expected and the actual value.
 * Source   Goyal et al. 2017 for the warm-up; the per-epoch forms are those of the usual ImageNet training scripts.
 * @example
 * const lr = makeLrSchedule({ schedule: "cosine", base: 0.1, warmupEpochs: 1 }, { epochs: 3, stepsPerEpoch: 10 });
 * console.log(lr(0), lr(9), lr(20)); // 0.01, 0.1, 0.05
 */
export function makeLrSchedule(config: LrConfig, run: RunLength): LrSchedule {
  for (const [name, part] of Object.entries({ config, run }))
    if (!isRecord(part)) throw new ArgumentError(`makeLrSchedule: ${name}: expected an object, got ${kindOf(part)}`);
  const { schedule, base, warmupEpochs = 0, min = 0, milestones = [], every, gamma = 0.1, per = "step" } = config;
  const { epochs, stepsPerEpoch } = run;
  check("epochs", "an integer >= 1", epochs, Number.isInteger(epochs) && epochs >= 1);
  check("stepsPerEpoch", "an integer >= 1", stepsPerEpoch, Number.isInteger(stepsPerEpoch) && stepsPerEpoch >= 1);
  check("schedule", `one of ${LR_SCHEDULES.join(", ")}`, schedule, LR_SCHEDULES.includes(schedule));
  check("per", "epoch or step", per, per === "epoch" || per === "step");
  check("base", "a number > 0", base, Number.isFinite(base) && base > 0);
  check("min", `a number in [0, base = ${base}]`, min, min >= 0 && min <= base);
  check("gamma", "a number in (0, 1]", gamma, gamma > 0 && gamma <= 1);
  check(
    "warmupEpochs",
    `a number in [0, epochs = ${epochs}]`,
    warmupEpochs,
    warmupEpochs >= 0 && warmupEpochs <= epochs,
  );
  if (per === "epoch") {
    check("warmupEpochs", 'an integer when per is "epoch"', warmupEpochs, Number.isInteger(warmupEpochs));
  }

  const stepsPerUnit = per === "epoch" ? stepsPerEpoch : 1;
  const unitsPerEpoch = stepsPerEpoch / stepsPerUnit;
  const units = epochs * unitsPerEpoch;
  const warmup = Math.round(warmupEpochs * unitsPerEpoch);
  const fault = useFault(config, LR_USES);
  if (fault !== null) throw new ArgumentError(`learning-rate schedule: ${fault}`);
  const decay = decayOf(schedule, { base, min, milestones, every, gamma, units, warmup, unitsPerEpoch });

  return (step) => {
    check("step", "an integer >= 0", step, Number.isInteger(step) && step >= 0);
    const unit = Math.floor(step / stepsPerUnit);
    return unit < warmup ? base * ((unit + 1) / warmup) : decay(unit);
  };
}

interface DecayParts {
  readonly base: number;
  readonly min: number;
  readonly milestones: readonly number[];
  readonly every: number | undefined;
  readonly gamma: number;
  readonly units: number;
  readonly warmup: number;
  readonly unitsPerEpoch: number;
}

/** Return the part of the schedule after the warm-up, as a function of the unit. */
function decayOf(schedule: LrScheduleName, parts: DecayParts): (unit: number) => number {
  const { base, min, milestones, every, gamma, units, warmup, unitsPerEpoch } = parts;
  switch (schedule) {
    case "constant":
      return () => base;
    case "cosine": {
      const span = units - warmup;
      return (unit) => (unit >= units ? min : cosine((unit - warmup) / span, base, min));
    }
    case "multistep": {
      check("milestones", "a list of epochs", milestones, Array.isArray(milestones));
      const rising = milestones.every((m, i) => m > (milestones[i - 1] ?? 0));
      check("milestones", "rising epochs > 0, at least one", `[${milestones}]`, rising && milestones.length > 0);
      const at = milestones.map((m) => Math.round(m * unitsPerEpoch)).filter((m) => m >= warmup);
      return (unit) => base * gamma ** at.filter((m) => m <= unit).length;
    }
    case "step": {
      const length = Math.round((every ?? 0) * unitsPerEpoch);
      check("every", "at least one unit between drops", every, length >= 1);
      return (unit) => base * gamma ** Math.floor(unit / length);
    }
  }
}
