// Completes a pruning method that a program brings itself.
import type { StepValues } from "../optim/index.ts";
import { ArgumentError, expectKeys, isRecord, type KeysOf, kindOf, valueText } from "../text/index.ts";
import { noThreshold, type PruningMethod } from "./method.ts";

/** Members of a PruningMethod. Those that are absent have the defaults of `pruningMethod`. */
export interface PruningMethodParts
  extends Partial<Omit<PruningMethod, "name" | "group">>,
    Pick<PruningMethod, "name" | "group"> {}

const KEYS: KeysOf<PruningMethod> = {
  ...{ name: true, group: true, phase: true, isFrozen: true, values: true, thresholdAt: true, increment: true },
  ...{
    readThreshold: true,
    heldStep: true,
    progressAt: true,
    isL1: true,
    l1Momentum: true,
    begin: true,
    prepare: true,
  },
  ...{ beforeStep: true, afterStep: true, setFinal: true, state: true, dispose: true },
};
const DATA = ["name", "group", "isL1", "l1Momentum"] as const;
type Data = (typeof DATA)[number];
const FUNCTIONS = Object.keys(KEYS).filter((key) => !DATA.includes(key as Data)) as Exclude<
  keyof PruningMethod,
  Data
>[];

const isPlain = (given: object): boolean =>
  [Object.prototype, null].includes(Object.getPrototypeOf(given) as typeof Object.prototype);

/** Expected results of the functions of a step. */
const RESULTS: Readonly<Record<string, readonly [expected: string, is: (result: unknown) => boolean]>> = {
  values: ["an object such as { threshold, thresholdNext }", isRecord],
  phase: ["prune, mask or dense", (phase) => ["prune", "mask", "dense"].includes(phase as string)],
  isFrozen: ["true or false", (frozen) => typeof frozen === "boolean"],
  thresholdAt: ["a finite number or null", (threshold) => threshold === null || Number.isFinite(threshold)],
};

/** Let the functions of a step check their results. */
function checkResults(functions: Partial<Record<string, unknown>>, refuse: (problem: string) => Error): void {
  for (const [key, [expected, is]] of Object.entries(RESULTS)) {
    const fn = functions[key] as ((step: number) => unknown) | undefined;
    if (!fn) continue;
    functions[key] = (step: number): unknown => {
      const result = fn(step);
      if (!is(result)) throw refuse(`${key}: expected ${expected} at step ${step}, got ${valueText(result)}`);
      return result;
    };
  }
}

/**
 * Check an own pruning method and fill in what is absent. An object of a class keeps its methods.
 *
 * Defaults  phase "prune"; values without a threshold; thresholdAt(n) and increment(n) are those of `values(n)`; isL1 false.
 * Errors    ArgumentError: an unknown member of a plain object, no name, no group, a member that is no function; while it
 *           runs, a result of another kind.
 * @example
 * // A threshold that rises in two stairs: a weight below it is zero in the forward pass, and may regrow.
 * const stairs = (step = 0) => (step < 100 ? 0.02 : 0.05);
 * const method = pruningMethod({
 *   name: "stairs",
 *   group: { mode: "latent" },
 *   values: (step) => ({ threshold: stairs(step), thresholdNext: stairs(step + 1) }),
 * });
 * console.log(method.thresholdAt(100)); // 0.05
 */
export function pruningMethod(given: PruningMethodParts): PruningMethod {
  const refuse = (problem: string) => new ArgumentError(`pruning method: ${problem}`);
  if (typeof given !== "object" || given === null) throw refuse(`expected an object, got ${String(given)}`);
  if (isPlain(given)) expectKeys(given, KEYS, refuse);
  if (typeof given.name !== "string" || given.name === "")
    throw refuse(`name: expected a name, got ${String(given.name)}`);
  if (!isRecord(given.group)) throw refuse(`group: expected options such as { mode: "latent" }, got ${given.group}`);
  const functions: Partial<Record<string, unknown>> = {};
  for (const key of FUNCTIONS) {
    const member: unknown = given[key];
    if (member === undefined) continue;
    if (typeof member !== "function") throw refuse(`${key}: expected a function, got ${kindOf(member)}`);
    functions[key] = member.bind(given);
  }
  checkResults(functions, refuse);
  const values = (functions.values ?? (() => noThreshold.values())) as (step: number) => StepValues;
  return {
    phase: () => "prune",
    values,
    thresholdAt: (step) => values(step).threshold ?? 0,
    increment: (step) => {
      const { threshold = 0, thresholdNext = threshold, tau = thresholdNext - threshold } = values(step);
      return tau;
    },
    ...(functions as Partial<PruningMethod>),
    name: given.name,
    group: given.group,
    isL1: given.isL1 ?? false,
    ...(given.l1Momentum === undefined ? {} : { l1Momentum: given.l1Momentum }),
  };
}
