// Turns the settings of the page into the configuration of a run.
import type { PruneConfig, RunConfig, SpikingOptions } from "../../src/internal.ts";
import { PRESETS } from "../../src/recipe/presets.ts";
import { optimizer } from "../../src/recipe/training_settings.ts";
import { METHODS, type Method, MODELS, PRECISIONS, RANGES, type Settings, SOURCES } from "../shared/settings.ts";

/** Steps between two points of the curves. */
const LOG_EVERY = 5;

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
    ["precision", PRECISIONS],
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
  const preset: PruneConfig = { schedule: "none", mode: "latent", ...PRESETS[method] };
  if (method === "dense") return preset;
  if (method === "str") return { ...preset, str: { decay: strDecay } };
  if (method === "ltp") return { ...preset, startEpoch: epochs / 4, ltp: { l0: ltpL0 } };
  if (method === "gmp") {
    const every = Math.max(1, Math.min(32, Math.round(totalSteps / 60)));
    return { ...preset, sparsity, every };
  }
  return { ...preset, threshold };
}

/** Training batches that re-estimate batch norm for tests and exports, as in `espalier train`. */
const RECALIBRATE = 20;

export function runConfig(method: Method, settings: Settings, stepsPerEpoch: number): RunConfig {
  const { epochs, batchSize, lr, momentum, precision, seed } = settings;
  return {
    epochs,
    batchSize,
    lr: { schedule: "cosine", base: lr, per: "step" },
    momentum,
    nesterov: false,
    weightDecay: optimizer.weightDecay.default,
    labelSmoothing: 0,
    precision,
    prune: pruneConfig(method, settings, stepsPerEpoch * epochs),
    augment: { crop: 0, flip: false },
    recalibrate: RECALIBRATE,
    seed,
    logEvery: LOG_EVERY,
  };
}

/** Return the options of a spiking model, undefined for other models. */
export function spikingOptions({ model, timeSteps }: Settings): SpikingOptions | undefined {
  return model === "spiking-cnn" ? { timeSteps } : undefined;
}
