// Finding the state_dict in what torch.save was given: checkpoints wrap it in a dict, DataParallel puts a prefix before it.
import { type FileArray, quote, toFloat32 } from "../array_types.ts";
import type { DenseArray } from "../sparse_weights.ts";
import { TorchFileError } from "./error.ts";
import type { TorchTree } from "./file.ts";
import { describeValue, type PickleValue } from "./pickle.ts";
import { TorchTensor } from "./tensor.ts";

export interface TorchStateDict {
  /** In the order of the file. */
  readonly arrays: Map<string, FileArray>;
  /** The dict keys that lead to it, such as ["state_dict"]; [] when the file is a state_dict itself. */
  readonly path: readonly string[];
  /** The prefix that all names had and that is gone, "module." or "". */
  readonly stripped: string;
  /** Names of entries that are no tensors, such as epoch numbers. */
  readonly ignored: readonly string[];
  /** What was chosen and left out, a sentence each; empty for a plain state_dict. */
  readonly notes: readonly string[];
}

export interface StateDictOptions {
  /** For error messages. */
  readonly name?: string;
  /** The dict to take, dotted: "ema.state_dict". Default: the first of wrapperKeys that holds tensors, else the only one. */
  readonly key?: string;
  /** How many bytes all tensors together may take beyond twice what their storages have, default 1 GiB. */
  readonly maxBytes?: number;
}

/** What training scripts name the weights in a checkpoint, in the order in which they are tried. */
export const wrapperKeys = ["state_dict", "model_state_dict", "model", "net"] as const;
const PARALLEL = "module.";
const MAX_LEVELS = 4;

type Dict = Map<PickleValue, PickleValue>;
const holdsTensors = (value: PickleValue | undefined): value is Dict =>
  value instanceof Map && [...value].some(([key, item]) => typeof key === "string" && item instanceof TorchTensor);

const list = (keys: Iterable<PickleValue>) => {
  const all = [...keys].map((key) => describeValue(key));
  return `${all.slice(0, 8).join(", ")}${all.length > 8 ? `, and ${all.length - 8} more` : ""}`;
};

/**
 * The state_dict in a tree from readTorchFile, as arrays in C order.
 *
 * The file's own dict when it holds tensors; else, of the dicts in it that do, the one under a key of wrapperKeys, else the
 * only one. `module.`, which DataParallel puts before every name, is taken off when all names have it.
 *
 * Errors    TorchFileError: no dict with tensors, several without a usual name, `key` not there, more bytes than allowed.
 */
export function stateDictOf(
  tree: TorchTree,
  { name = "torch file", key, maxBytes = 2 ** 30 }: StateDictOptions = {},
): TorchStateDict {
  const fail = (problem: string): never => {
    throw new TorchFileError(name, problem);
  };
  const { dict, path, others } = key === undefined ? search(tree, fail) : follow(tree, key, fail);
  const notes = path.length > 0 ? [`took ${quote(path.join("."))}`] : [];
  if (others.length > 0) notes.push(`left out ${others.join(", ")}, which hold tensors too`);

  const tensors: [string, TorchTensor][] = [];
  const ignored: string[] = [];
  for (const [entry, value] of dict) {
    if (typeof entry === "string" && value instanceof TorchTensor) tensors.push([entry, value]);
    else ignored.push(typeof entry === "string" ? entry : describeValue(entry));
  }
  if (ignored.length > 0) notes.push(`left out ${list(ignored)}: no tensors`);
  const stripped = tensors.every(([entry]) => entry.startsWith(PARALLEL)) ? PARALLEL : "";
  if (stripped) notes.push(`took ${quote(stripped)} off all names`);

  const storages = new Set(tensors.map(([, tensor]) => tensor.storage));
  const stored = [...storages].reduce((sum, storage) => sum + storage.bytes.length, 0);
  const wanted = tensors.reduce((sum, [, tensor]) => sum + tensor.byteLength, 0);
  if (wanted > maxBytes + 2 * stored) {
    fail(`its tensors would take ${wanted} bytes out of ${stored} stored ones, ${maxBytes + 2 * stored} are allowed`);
  }
  const arrays = new Map(tensors.map(([entry, tensor]) => [entry.slice(stripped.length), tensor.read()]));
  return { arrays, path, stripped, ignored, notes };
}

interface Found {
  readonly dict: Dict;
  readonly path: readonly string[];
  /** Keys of dicts with tensors beside the chosen one. */
  readonly others: readonly string[];
}

function search(tree: TorchTree, fail: (problem: string) => never): Found {
  const path: string[] = [];
  let others: readonly string[] = [];
  let dict = tree;
  for (let level = 0; level < MAX_LEVELS; level++) {
    if (dict instanceof TorchTensor) return fail("a lone tensor, wanted a dict of tensors by name");
    if (!(dict instanceof Map)) return fail(`wanted a dict of tensors by name, has ${describeValue(dict)}`);
    const here: Dict = dict;
    const inner = [...here].filter(([, value]) => holdsTensors(value)).map(([key]) => key);
    // A usual name goes first: beside the weights a checkpoint may have tensors, such as the state of a random generator.
    const usual = wrapperKeys.find((key) => inner.includes(key));
    if (usual === undefined && holdsTensors(here)) return { dict: here, path, others };
    if (usual === undefined && inner.length > 1) {
      fail(`several dicts hold tensors (${list(inner)}): say which with the option key`);
    }
    const chosen = usual ?? inner[0] ?? wrapperKeys.find((key) => here.get(key) instanceof Map);
    if (typeof chosen !== "string") {
      return fail(`holds no state_dict: ${here.size === 0 ? "it is empty" : `its keys are ${list(here.keys())}`}`);
    }
    path.push(chosen);
    others = inner.filter((key) => key !== chosen).map((key) => describeValue(key));
    dict = here.get(chosen) as PickleValue;
  }
  return fail(`holds no state_dict within ${MAX_LEVELS} levels`);
}

function follow(tree: TorchTree, key: string, fail: (problem: string) => never): Found {
  const path = key.split(".");
  let dict = tree;
  for (const step of path) {
    const next = dict instanceof Map ? dict.get(step) : undefined;
    if (next === undefined) {
      return fail(`has no ${quote(key)}${dict instanceof Map ? `: the keys there are ${list(dict.keys())}` : ""}`);
    }
    dict = next;
  }
  return holdsTensors(dict) ? { dict, path, others: [] } : fail(`${quote(key)} is no dict of tensors by name`);
}

/** All arrays as float32, for Module.loadStateDict: half floats exactly, wider numbers rounded to the nearest. */
export function denseWeights(arrays: ReadonlyMap<string, FileArray>): Map<string, DenseArray> {
  return new Map([...arrays].map(([key, array]) => [key, { data: toFloat32(array), shape: array.shape }]));
}
