// A model's weights as the bytes of a safetensors file, and back.
import { readModelWeights, writeSafetensors, writeSparseModel } from "../io/index.ts";
import { type LoadOptions, type LoadReport, loadState, Module } from "../nn/index.ts";
import { expectFinite } from "../tensor/index.ts";
import { ArgumentError, expectKeys, type KeysOf, kindOf, onlyKeys } from "../text/index.ts";

/** Options of `saveModel`. */
export interface SaveModelOptions {
  /** Texts by name, such as the classes of the model. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /** True: store a pruned weight without its zeros, in a layout that only Espalier reads. Default false. */
  readonly sparse?: boolean | undefined;
}

function expectModule(name: string, model: unknown): void {
  if (!(model instanceof Module)) throw new ArgumentError(`${name}: model: expected a module, got ${kindOf(model)}`);
}

/**
 * Return a model's weights as a safetensors file: all parameters and running statistics, float32, under PyTorch's names. Waits for
 * the GPU. The weights are those that the forward pass reads, with zeros where they are pruned.
 *
 * Errors   NonFiniteError naming a tensor that holds NaN or infinity; ArgumentError for an unknown option or metadata that are no
 *          texts.
 * @example
 * const bytes = await saveModel(new Linear(4, 2), { metadata: { classes: "cat,dog" } });
 * const { metadata } = loadModel(new Linear(4, 2), bytes);
 * console.log(metadata.classes); // cat,dog
 */
export async function saveModel(model: Module, options: SaveModelOptions = {}): Promise<Uint8Array> {
  expectKeys(options, { metadata: true, sparse: true }, (problem) => new ArgumentError(`saveModel: ${problem}`));
  expectModule("saveModel", model);
  const { metadata = {}, sparse = false } = options;
  for (const [key, value] of Object.entries(metadata)) {
    if (typeof value !== "string")
      throw new ArgumentError(`saveModel: metadata: ${key}: expected a string, got ${kindOf(value)}`);
  }
  const state = await model.stateDict();
  expectFinite("saveModel", state);
  return sparse ? writeSparseModel(state, metadata) : writeSafetensors(state, metadata);
}

/** Options of `loadModel`. */
export interface LoadModelOptions extends LoadOptions {
  /** Name of the file in messages. Default "model". */
  readonly name?: string | undefined;
}

/** Result of `loadModel`. */
export interface LoadedModel {
  /** Texts of the file, by name. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Arrays that were loaded, and with `strict: false` those that were not. */
  readonly report: LoadReport;
}

const LOAD_KEYS: KeysOf<LoadOptions> = {
  ...{ strict: true, skip: true, allowMissing: true, allowUnexpected: true },
  ...{ head: true, nonFinite: true },
};

/**
 * Load the weights of a safetensors file, plain or sparse, into a model. Half floats and float64 become float32. Files of other
 * formats: `readWeights` and `loadState`.
 *
 * Errors   SafetensorsError for bytes of another kind, or corrupt ones; OpError listing the arrays that are missing, unexpected or
 *          of another shape, unless `strict` is false. Nothing is written then.
 * @example
 * const bytes = await saveModel(new Linear(4, 2));
 * const { report } = loadModel(new Linear(4, 2), bytes);
 * console.log(report.loaded); // weight, bias
 */
export function loadModel(model: Module, bytes: Uint8Array, options: LoadModelOptions = {}): LoadedModel {
  expectKeys(options, { ...LOAD_KEYS, name: true }, (problem) => new ArgumentError(`loadModel: ${problem}`));
  expectModule("loadModel", model);
  if (!(bytes instanceof Uint8Array))
    throw new ArgumentError(`loadModel: expected the file as a Uint8Array, got ${kindOf(bytes)}`);
  const { weights, metadata } = readModelWeights(bytes, options.name ?? "model");
  const report = loadState(model, weights, onlyKeys<LoadOptions>(options, LOAD_KEYS));
  return { metadata: Object.fromEntries(metadata), report };
}
