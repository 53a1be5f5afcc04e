// Settings of the page become what the engine trains by.
import type { PruneConfig, RunConfig, SpikingOptions } from "../../src/index.ts";
import { METHODS, type Method, MODELS, RANGES, type Settings, SOURCES } from "../shared/settings.ts";

/** Steps between two points of the curves. */
export const LOG_EVERY = 5;

const SOFT: ReadonlySet<Method> = new Set(["lats", "slats", "pgh", "linear", "sine"]);

/** Whether the method has a final threshold D that can be moved. */
export const hasFinalThreshold = (method: Method): boolean => SOFT.has(method);

/** Throws RangeError that names the setting, what it wants and what it was given. */
export function checkSettings(settings: Settings): void {
  const wrong = (name: string, wanted: string, given: unknown): never => {
    throw new RangeError(`${name} wants ${wanted}, was given ${String(given)}`);
  };
  const names = [
    ["model", MODELS],
    ["data", SOURCES],
    ["method", METHODS],
    ["against", [...METHODS, "none"]],
  ] as const;
  for (const [name, known] of names) {
    if (!(known as readonly string[]).includes(settings[name])) {
      wrong(name, `one of ${known.join(", ")}`, settings[name]);
    }
  }
  for (const [name, { min, max, whole }] of Object.entries(RANGES)) {
    const value = settings[name as keyof typeof RANGES];
    if (!(value >= min && value <= max) || (whole && !Number.isInteger(value))) {
      wrong(name, `a ${whole ? "whole number" : "number"} from ${min} to ${max}`, value);
    }
  }
}

/** Methods of the lanes: the chosen one, and the one beside it. */
export function methodsOf({ method, against }: Settings): Method[] {
  return against === "none" ? [method] : [method, against];
}

/** `totalSteps` of the run: short runs are cut in smaller portions by gmp. */
export function pruneConfig(method: Method, settings: Settings, totalSteps: number): PruneConfig {
  const { threshold, sparsity, strDecay, ltpL0, epochs } = settings;
  // Methods that have no schedule are not asked for theirs.
  const common = { schedule: "none", mode: "latent" } as const;
  if (method === "dense") return { ...common, method: "soft" };
  if (method === "str") return { ...common, method, str: { decay: strDecay } };
  if (method === "ltp") return { ...common, method, startEpoch: epochs / 4, ltp: { l0: ltpL0 } };
  if (method === "gmp") {
    const every = Math.max(1, Math.min(32, Math.round(totalSteps / 60)));
    return { ...common, method, sparsity, every };
  }
  return { method: "soft", mode: "latent", schedule: method, threshold, ...(method === "pgh" ? { beta: 0.1 } : {}) };
}

export function runConfig(method: Method, settings: Settings, stepsPerEpoch: number): RunConfig {
  const { epochs, batchSize, lr, momentum, seed } = settings;
  return {
    epochs,
    batchSize,
    lr: { schedule: "cosine", base: lr, per: "step" },
    momentum,
    nesterov: false,
    weightDecay: 5e-4,
    labelSmoothing: 0,
    prune: pruneConfig(method, settings, stepsPerEpoch * epochs),
    augment: { crop: 0, flip: false },
    seed,
    logEvery: LOG_EVERY,
  };
}

/** Of the models that spike; undefined for the others. */
export function spikingOptions({ model, timeSteps }: Settings): SpikingOptions | undefined {
  return model === "spiking-cnn" ? { timeSteps } : undefined;
}
