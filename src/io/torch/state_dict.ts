// Finds the dicts of tensors in a saved object: checkpoints often nest several of them in other dicts.

import type { HostArray } from "../../tensor/index.ts";
import { ArgumentError, expectKeys, type KeysOf } from "../../text/index.ts";
import { type FileArray, quote } from "../array_types.ts";
import { wrapperPrefix } from "../weights_choice.ts";
import { denseOf, type WeightsDict } from "../weights_entry.ts";
import { TorchFileError } from "./error.ts";
import type { TorchTree } from "./file.ts";
import { describeValue, PickleOpaque, type PickleValue } from "./pickle_values.ts";
import { TorchTensor } from "./tensor.ts";

/** Tensors of a state_dict by name. */
export interface TorchStateDict {
  /** In the order of the file. */
  readonly arrays: Map<string, FileArray>;
  /** Dict keys that lead to it, such as ["state_dict"]; [] if the file itself is a state_dict. */
  readonly path: readonly string[];
  /** Prefix removed from all names, such as "module." or "_orig_mod."; or "". */
  readonly stripped: string;
  /** Names of entries that are no tensors, such as epoch numbers. */
  readonly ignored: readonly string[];
  /** One sentence for each choice and omission; empty for a plain state_dict. */
  readonly notes: readonly string[];
}

/** Options of `stateDictOf`. */
export interface StateDictOptions {
  /** For error messages. */
  readonly name?: string;
  /** The dict to take, dotted: "ema.state_dict". Default: the first of wrapperKeys that holds tensors, else the only one. */
  readonly key?: string;
  /** Bytes that all tensors together may take beyond twice their storages, default 1 GiB. */
  readonly maxBytes?: number;
}

/** Usual names of the weights in a checkpoint, in the order of trial. */
export const wrapperKeys = [
  "state_dict",
  "model_state_dict",
  "model",
  "net",
  "network",
  "model_state",
  "params",
  "weights",
] as const;
const MAX_LEVELS = 4;
/** Limit of dicts searched. */
const MAX_DICTS = 1000;

type Dict = Map<PickleValue, PickleValue>;
type Fail = (problem: string) => never;
const tensorsIn = (value: PickleValue | undefined): number => {
  if (!(value instanceof Map)) return 0;
  let count = 0;
  for (const [key, item] of value) if (typeof key === "string" && item instanceof TorchTensor) count++;
  return count;
};
const holdsTensors = (value: PickleValue | undefined): value is Dict => tensorsIn(value) > 0;

const list = (keys: Iterable<PickleValue>) => {
  const all = [...keys].map((key) => describeValue(key));
  return `${all.slice(0, 8).join(", ")}${all.length > 8 ? `, and ${all.length - 8} more` : ""}`;
};

/** Sort a dict's entries: tensors, others, and unreadable ones. */
function contents(dict: Dict, path: readonly string[]): WeightsDict {
  const entries = new Map<string, TorchTensor>();
  const ignored: string[] = [];
  const refused = new Map<string, string>();
  for (const [key, value] of dict) {
    const name = typeof key === "string" ? key : describeValue(key);
    if (typeof key === "string" && value instanceof TorchTensor) entries.set(name, value);
    else if (value instanceof PickleOpaque) refused.set(name, value.refusal);
    else ignored.push(name);
  }
  return { path, entries, ignored, refused };
}

/** Refuses tensors that would take far more memory than the file has, by strides of zero. */
export function checkSize(dict: WeightsDict, maxBytes: number, fail: Fail): void {
  const tensors = [...dict.entries.values()].filter((entry) => entry instanceof TorchTensor);
  const storages = new Set(tensors.map((tensor) => tensor.storage));
  const stored = [...storages].reduce((sum, storage) => sum + storage.bytes.length, 0);
  const needed = tensors.reduce((sum, tensor) => sum + tensor.byteLength, 0);
  if (needed > maxBytes + 2 * stored) {
    fail(`expected at most ${maxBytes + 2 * stored} bytes of tensors from ${stored} stored bytes, got ${needed}`);
  }
}

/** Return all dicts of a tree that hold tensors, outer ones first, nested at most four deep. */
export function weightsDictsOf(tree: TorchTree): WeightsDict[] {
  const found: WeightsDict[] = [];
  let level: { dict: Dict; path: readonly string[] }[] = tree instanceof Map ? [{ dict: tree, path: [] }] : [];
  for (let depth = 0, seen = 0; depth <= MAX_LEVELS; depth++) {
    const next: typeof level = [];
    for (const { dict, path } of level) {
      if (++seen > MAX_DICTS) return found;
      if (holdsTensors(dict)) found.push(contents(dict, path));
      for (const [key, value] of dict) {
        if (typeof key === "string" && value instanceof Map) next.push({ dict: value, path: [...path, key] });
      }
    }
    level = next;
  }
  return found;
}

/** Return the notes on the choice of a dict. */
export function dictNotes({ path, ignored }: WeightsDict, others: readonly string[]): string[] {
  const notes = path.length > 0 ? [`took ${quote(path.join("."))}`] : [];
  if (others.length > 0) notes.push(`left out ${others.join(", ")}, which hold tensors too`);
  if (ignored.length > 0) notes.push(`left out ${list(ignored)}: no tensors`);
  return notes;
}

/**
 * Return the state_dict in a tree from readTorchFile, as arrays in C order.
 *
 * This is the file's own dict if it holds tensors and no dict in it holds more; else, of the dicts in it that hold
 * tensors, the one under a key of wrapperKeys, else the only one. `module.` of DataParallel and `_orig_mod.` of
 * torch.compile are removed if all names have them.
 *
 * Errors    TorchFileError: no dict with tensors, several without a usual name, `key` not there, more bytes than allowed, and
 *           an entry that cannot be read (sparse, quantized, complex, an object of an unknown class) by its name.
 */
export function stateDictOf(tree: TorchTree, options: StateDictOptions = {}): TorchStateDict {
  const known: KeysOf<StateDictOptions> = { name: true, key: true, maxBytes: true };
  expectKeys(options, known, (problem) => new ArgumentError(`stateDictOf: ${problem}`));
  const { name = "torch file", key, maxBytes = 2 ** 30 } = options;
  const fail: Fail = (problem) => {
    throw new TorchFileError(name, problem);
  };
  const { dict, others } = usualDict(tree, key, fail);
  const { entries, refused, path, ignored } = dict;
  for (const [entry, why] of refused) fail(`${quote(entry)}: ${why}`);
  const notes = dictNotes(dict, others);
  const stripped = wrapperPrefix([...entries.keys()]);
  if (stripped) notes.push(`took ${quote(stripped)} off all names`);
  checkSize(dict, maxBytes, fail);
  const arrays = new Map([...entries].map(([entry, tensor]) => [entry.slice(stripped.length), tensor.read()]));
  return { arrays, path, stripped, ignored, notes };
}

interface Found {
  readonly dict: WeightsDict;
  /** Keys of other dicts with tensors. */
  readonly others: readonly string[];
}

/** Choose the dict if the model is not known. */
export function usualDict(tree: TorchTree, key: string | undefined, fail: Fail): Found {
  return key === undefined ? search(tree, fail) : { dict: follow(tree, key, fail), others: [] };
}

function search(tree: TorchTree, fail: Fail): Found {
  const path: string[] = [];
  let others: readonly string[] = [];
  let value = tree;
  for (let level = 0; level < MAX_LEVELS; level++) {
    const dict = expectDict(value, fail);
    const inner = [...dict].filter(([, item]) => holdsTensors(item)).map(([key]) => key);
    const chosen = chooseInner(dict, inner, fail);
    if (chosen === null) return { dict: contents(dict, path), others };
    if (typeof chosen !== "string") return refuseWithout(contents(dict, path), dict, fail);
    path.push(chosen);
    others = inner.filter((key) => key !== chosen).map((key) => describeValue(key));
    value = dict.get(chosen) as PickleValue;
  }
  return fail(`holds no state_dict within ${MAX_LEVELS} levels`);
}

function expectDict(value: PickleValue, fail: Fail): Dict {
  if (value instanceof Map) return value;
  if (value instanceof PickleOpaque) return fail(value.refusal);
  const got = value instanceof TorchTensor ? "a single tensor" : describeValue(value);
  return fail(`expected a dict of tensors by name, got ${got}`);
}

/** Choose the key of the inner dict to search next. Null: take this dict; no string: there is no state_dict. */
function chooseInner(dict: Dict, inner: readonly PickleValue[], fail: Fail): PickleValue | undefined {
  // A usual name goes first: a checkpoint may have tensors beside the weights, such as the state of a random generator.
  const usual = wrapperKeys.find((key) => inner.includes(key));
  if (usual !== undefined) return usual;
  const own = tensorsIn(dict);
  if (own > 0 && own >= Math.max(0, ...inner.map((key) => tensorsIn(dict.get(key))))) return null;
  if (inner.length > 1) {
    fail(`several dicts hold tensors (${list(inner)}): say which with --key, in code with the option key`);
  }
  return inner[0] ?? wrapperKeys.find((key) => dict.get(key) instanceof Map);
}

function refuseWithout({ refused }: WeightsDict, dict: Dict, fail: Fail): never {
  const [unread] = refused;
  if (unread) fail(`${quote(unread[0])}: ${unread[1]}`);
  return fail(`holds no state_dict: ${dict.size === 0 ? "it is empty" : `its keys are ${list(dict.keys())}`}`);
}

/** Return the dict at a dotted path; keys that contain dots are found too. */
function follow(tree: TorchTree, key: string, fail: Fail): WeightsDict {
  let dict = tree;
  let rest = key.split(".");
  const path: string[] = [];
  while (rest.length > 0) {
    const here = dict;
    const n = here instanceof Map ? rest.findLastIndex((_, i) => here.has(rest.slice(0, i + 1).join("."))) + 1 : 0;
    if (n === 0)
      return fail(`has no ${quote(key)}${here instanceof Map ? `: the keys there are ${list(here.keys())}` : ""}`);
    const step = rest.slice(0, n).join(".");
    path.push(step);
    dict = (here as Dict).get(step) as PickleValue;
    rest = rest.slice(n);
  }
  if (dict instanceof PickleOpaque) return fail(`${quote(key)}: ${dict.refusal}`);
  return holdsTensors(dict) ? contents(dict, path) : fail(`${quote(key)} is no dict of tensors by name`);
}

/**
 * Convert all arrays to float32, for Module.loadStateDict: small floats exactly, wider numbers rounded to the nearest.
 * Errors: WeightsError naming an integer that float32 cannot hold, or a number beyond its range.
 */
export function denseWeights(
  arrays: ReadonlyMap<string, FileArray>,
  file = "weights",
): Map<string, HostArray<Float32Array>> {
  return new Map(
    [...arrays].map(([key, array]) => [key, denseOf({ shape: array.shape, read: () => array }, key, file)]),
  );
}
