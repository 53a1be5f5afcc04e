// Turns the settings of the page into the configuration of a run.
import type { PruneConfig, RunConfig, SpikingOptions } from "../../src/index.ts";
import { METHODS, type Method, MODELS, RANGES, type Settings, SOURCES } from "../shared/settings.ts";

/** Steps between two points of the curves. */
export const LOG_EVERY = 5;

const SOFT: ReadonlySet<Method> = new Set(["lats", "slats", "pgh", "linear", "sine"]);

/** Return true if the method has a final threshold D. */
export const hasFinalThreshold = (method: Method): boolean => SOFT.has(method);

/** Check all settings. Throws RangeError naming the setting, the expected values and the value. */
export function checkSettings(settings: Settings): void {
  const wrong = (name: string, expected: string, value: unknown): never => {
    throw new RangeError(`${name}: expected ${expected}, got ${String(value)}`);
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
      wrong(name, `${whole ? "an integer" : "a number"} from ${min} to ${max}`, value);
    }
  }
}

/** Return the methods of the lanes: the chosen one, then the one to compare with. */
export function methodsOf({ method, against }: Settings): Method[] {
  return against === "none" ? [method] : [method, against];
}

/** Return the pruning settings of a method. In a short run (`totalSteps`) gmp prunes more often. */
export function pruneConfig(method: Method, settings: Settings, totalSteps: number): PruneConfig {
  const { threshold, sparsity, strDecay, ltpL0, epochs } = settings;
  // For methods without a schedule.
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

/** Return the options of a spiking model, undefined for other models. */
export function spikingOptions({ model, timeSteps }: Settings): SpikingOptions | undefined {
  return model === "spiking-cnn" ? { timeSteps } : undefined;
}
