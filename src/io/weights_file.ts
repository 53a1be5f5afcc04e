// Reads a model's weights from any kind of file: safetensors, sparse safetensors, PyTorch's .pt and .pth, or the index
// of several files.

import type { HostArray } from "../tensor/index.ts";
import { expectKeys } from "../text/index.ts";
import { quote, toFloat32 } from "./array_types.ts";
import { KIND_BYTES, kindOf } from "./file_kinds.ts";
import { type FileRanges, fileRangesOf } from "./file_ranges.ts";
import { isSafetensors, readSafetensors } from "./safetensors.ts";
import { parseWeightMap, readShards } from "./sharded_weights.ts";
import { isSparseModel, modelWeightsOf } from "./sparse_weights.ts";
import { isTorchFile, readTorchFile, TorchFileError, type TorchTree } from "./torch/index.ts";
import { checkSize, dictNotes, usualDict, weightsDictsOf, wrapperKeys } from "./torch/state_dict.ts";
import { bestEffort, type Choice, dictAt, type FitCheck, fittingChoice, plainChoice } from "./weights_choice.ts";
import { denseOf, type WeightEntry, type WeightsDict, WeightsError } from "./weights_entry.ts";

/** Weights of a file, as float32 by name. */
export interface WeightsFile {
  readonly weights: Map<string, HostArray<Float32Array>>;
  /** Metadata of a safetensors file; empty for PyTorch's. */
  readonly metadata: Map<string, string>;
  /** One sentence for each thing chosen, renamed, combined or left out. */
  readonly notes: readonly string[];
  /** If the arrays do not fit: other candidates of the file. */
  readonly hints?: readonly string[];
}

/** Choice among the arrays of a weights file. */
export interface TakeOptions {
  /**
   * Dict to take from a file with several dicts of tensors, dotted: "ema.state_dict". Or the start of the names to
   * take, up to a dot.
   */
  readonly key?: string | undefined;
  /**
   * Function that measures how well arrays fit the model. With it, the one dict that fits is taken, under the names
   * that fit; without it, the usual dict under its own names.
   */
  readonly fit?: FitCheck;
  /** Selects entries that may be left out if they cannot be read. */
  readonly mayLack?: (name: string) => boolean;
}

/** An opened file of weights: metadata, and arrays on demand. */
export interface OpenWeights {
  readonly metadata: Map<string, string>;
  /**
   * Return the weights. Errors: WeightsError or TorchFileError naming the file, for a wrong key, ambiguous dicts, or
   * unreadable entries.
   */
  take(options?: TakeOptions): WeightsFile;
}

/** Options of `openWeights`. */
export interface OpenWeightsOptions {
  /** Opens a file beside this one, for the index of a sharded model. */
  readonly beside?: ((file: string) => Promise<FileRanges>) | undefined;
}

interface Opened {
  readonly metadata: Map<string, string>;
  readonly dicts: readonly WeightsDict[];
  readonly tree: TorchTree | undefined;
  readonly notes: readonly string[];
}

const MAX_INDEX_BYTES = 2 ** 26;

/** Read one file that holds arrays itself; null: it is of another kind. */
async function openArrays(source: FileRanges, head: Uint8Array): Promise<Opened | null> {
  const { name, size } = source;
  if (isSafetensors(head)) {
    const file = await readSafetensors(source);
    const { metadata, checked } = file;
    const sparse = isSparseModel(file);
    const entries = sparse
      ? new Map(
          [...modelWeightsOf(file, name)].map(([key, { data, shape }]) => [
            key,
            { shape, read: () => ({ dtype: "F32" as const, shape, data }) },
          ]),
        )
      : new Map([...file.tensors].map(([key, array]) => [key, { shape: array.shape, read: () => array }]));
    const notes = sparse && !checked ? ["has no checksum: written by an older version or another program"] : [];
    return { metadata, dicts: [{ path: [], entries, ignored: [], refused: new Map() }], tree: undefined, notes };
  }
  if (!isTorchFile(head)) return null;
  const tree = await readTorchFile(await source.read(0, size), name);
  return { metadata: new Map(), dicts: weightsDictsOf(tree), tree, notes: [] };
}

async function openIndex(source: FileRanges, { beside }: OpenWeightsOptions, fail: Fail): Promise<Opened | null> {
  const { size } = source;
  if (size > MAX_INDEX_BYTES) return null;
  const map = parseWeightMap(new TextDecoder().decode(await source.read(0, size)), fail);
  if (map === null) return null;
  const files = [...new Set(map.values())];
  if (!beside)
    return fail(
      `the index of a sharded model: its shards are needed (${files
        .slice(0, 3)
        .map((name) => quote(name))
        .join(", ")})`,
    );
  const metadata = new Map<string, string>();
  const dict = await readShards(
    map,
    async (file) => {
      const shard = await beside(file).catch((cause: Error) =>
        fail(
          `the index of a sharded model: its shard ${quote(file)}: ${cause.message.replace(/^cannot read .*?: /, "")}; the shards have to be beside the index`,
        ),
      );
      const opened = await openArrays(shard, await shard.read(0, Math.min(KIND_BYTES, shard.size)));
      const [first] = opened?.dicts ?? [];
      if (!opened || !first) return fail(`the index of a sharded model: its shard ${quote(file)} holds no weights`);
      for (const [key, value] of opened.metadata) if (key !== "format") metadata.set(key, value);
      return first;
    },
    fail,
  );
  return { metadata, dicts: [dict], tree: undefined, notes: [`read from ${files.length} shards`] };
}

type Fail = (problem: string) => never;

const failFor =
  (name: string): Fail =>
  (problem) => {
    throw new WeightsError(name, problem);
  };

/**
 * Open a file of weights. Its first bytes decide its kind.
 *
 * Errors    TorchFileError, SafetensorsError or WeightsError, naming the file: damaged, of another kind (a Git LFS pointer, a
 *           web page, an archive, a model of another program: each by its name), or with names that run code.
 */
export async function openWeights(
  file: Uint8Array | FileRanges,
  name = "weights",
  options: OpenWeightsOptions = {},
): Promise<OpenWeights> {
  expectKeys(options, { beside: true }, (problem) => new WeightsError(name, problem));
  const source = file instanceof Uint8Array ? fileRangesOf(file, name) : file;
  if (typeof source?.read !== "function")
    throw new WeightsError(name, `expected the file as a Uint8Array or a file source, got ${typeof file}`);
  const fail = failFor(source.name);
  const head = await source.read(0, Math.min(KIND_BYTES, source.size));
  let opened = await openArrays(source, head);
  const kind = opened ? null : kindOf(head, source.name);
  if (!opened && kind?.startsWith("a JSON text")) opened = await openIndex(source, options, fail);
  // A file of that name and of no other kind: its own reader says what is wrong.
  if (!opened && kind === null && source.name.endsWith(".safetensors")) await readSafetensors(source);
  if (!opened) return fail(kind ? `this is ${kind}` : "neither safetensors nor a file of torch.save");
  const found = opened;
  return { metadata: found.metadata, take: (take = {}) => takeFrom(found, source.name, take) };
}

/**
 * Read weights as float32 by name, from safetensors or PyTorch's .pt and .pth: openWeights and take in one call. Errors:
 * those of openWeights.
 *
 * @example
 * const bytes = writeSafetensors(new Map([["fc.weight", { data: new Float32Array(4), shape: [2, 2] }]]));
 * const { weights } = await readWeights(bytes, "model.safetensors");
 * console.log(weights.get("fc.weight")!.shape); // 2, 2
 */
export async function readWeights(
  file: Uint8Array | FileRanges,
  name = "weights",
  { beside, ...take }: OpenWeightsOptions & TakeOptions = {},
): Promise<WeightsFile> {
  return (await openWeights(file, name, { beside })).take(take);
}

function takeFrom(opened: Opened, file: string, options: TakeOptions): WeightsFile {
  expectKeys(options, { key: true, fit: true, mayLack: true }, (problem) => new WeightsError(file, problem));
  const { key, fit, mayLack = () => false } = options;
  const fail: Fail = (problem) => {
    throw opened.tree === undefined ? new WeightsError(file, problem) : new TorchFileError(file, problem);
  };
  const from = key === undefined ? null : keyed(opened, key, fail);
  const choice = fit
    ? fitted(opened, from, fit, fail)
    : plainChoice(from ?? usualOf(opened, fail), opened.tree !== undefined);
  const way = (name: string) => (fit ? `; --allow-unexpected ${name} leaves it out` : "");
  for (const [name, why] of choice.dict.refused) if (!mayLack(name)) fail(`${quote(name)}: ${why}${way(name)}`);
  checkSize(choice.from, 2 ** 30, fail);
  const others = from === null ? opened.dicts.filter((dict) => dict !== choice.from && dict.path.length > 0) : [];
  const notes = [
    ...opened.notes,
    ...dictNotes(
      choice.from,
      others.map(({ path }) => quote(path.join("."))),
    ),
    ...choice.notes,
  ];
  // Arrays that do not fit are refused by name later, and arrays that are left out may hold any numbers.
  const unread = (name: string) => mayLack(name) || (fit !== undefined && choice.fit.trouble > 0);
  const dense = (name: string, entry: WeightEntry): HostArray<Float32Array> =>
    unread(name) ? { data: toFloat32(entry.read()), shape: entry.shape } : denseOf(entry, name, file);
  const weights = new Map([...choice.entries].map(([name, entry]) => [name, dense(name, entry)]));
  return { weights, metadata: opened.metadata, notes, hints: choice.hints };
}

/** Return the dict of a key. */
function keyed({ dicts, tree }: Opened, key: string, fail: Fail): WeightsDict {
  const found = dictAt(dicts, key);
  if (found) return found;
  if (tree !== undefined) return usualDict(tree, key, fail).dict;
  const firsts = [...new Set([...(dicts[0]?.entries.keys() ?? [])].map((name) => name.split(".")[0]))];
  return fail(
    `has no ${quote(key)}: its names start with ${firsts
      .slice(0, 8)
      .map((name) => quote(name))
      .join(", ")}`,
  );
}

/** Return the dict if neither key nor model is given. */
function usualOf({ dicts, tree }: Opened, fail: Fail): WeightsDict {
  if (tree === undefined) return dicts[0]!;
  const { dict } = usualDict(tree, undefined, fail);
  return dicts.find(({ path }) => path.join("\0") === dict.path.join("\0")) ?? dict;
}

function fitted(opened: Opened, from: WeightsDict | null, fit: FitCheck, fail: Fail): Choice {
  const dicts = from ? [from] : opened.dicts;
  return fittingChoice(dicts, fit, wrapperKeys, fail) ?? bestEffort(from ?? usualOf(opened, fail), dicts, fit, fail);
}
