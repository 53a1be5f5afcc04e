// Checkpoints: all that a run needs to continue bit for bit, in one safetensors file. Weights, latent weights, momentum, moments,
// running statistics, the position in the data and the step of the schedules.
import {
  type FileParts,
  joinParts,
  parseSafetensors,
  type SafetensorsFile,
  safetensorsParts,
} from "../io/safetensors.ts";
import type { Module, Parameter } from "../nn/index.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import type { CompactSizes } from "../prune/compact/description.ts";
import {
  describeNonFinite,
  expectFinite,
  firstNonFinite,
  type HostArray,
  readAll,
  sameShape,
  type Tensor,
  type TypedArray,
} from "../tensor/index.ts";
import { EspalierError, expectKeys, isRecord } from "../text/index.ts";
import type { CounterState } from "./fit_counters.ts";
import type { ShrunkState } from "./shrunk.ts";

/** State of a run besides its tensors. */
export interface CheckpointProgress {
  /** Optimiser steps done; the next step has this number. */
  readonly step: number;
  /** Epoch in progress, and its batches already used. */
  readonly epoch: number;
  readonly batch: number;
  readonly seed: number;
  /** Threshold in force: that of the next forward pass. */
  readonly threshold: number;
  /** The run's configuration, as saved beside it. */
  readonly config: unknown;
  readonly bestAccuracy: number;
  /** Best value of the run's score. Absent before the first test. */
  readonly bestScore?: number;
  /** Sizes of the layers of a model that got smaller; see `prune.compact`. */
  readonly compact?: CompactSizes;
  /** Counters since the last records, not checked. Absent: the counters of the resumed run start here. */
  readonly counters?: CounterState;
}

/** Optional contents of a checkpoint. */
export interface CheckpointExtras {
  /** Masks that the next epoch record compares with, by parameter: one bit per weight. */
  readonly masks?: ReadonlyMap<string, Uint32Array> | null;
  /** Places of a smaller model's elements in the original tensors, by state_dict name: one bit per element. */
  readonly left?: ReadonlyMap<string, Uint32Array> | null;
  /** State of the host, as JSON: clocks, files. */
  readonly host?: unknown;
}

/** Contents of a checkpoint that was loaded. */
export type LoadedCheckpoint = CheckpointProgress & CheckpointExtras;

const MASK = "mask.";
const LEFT = "left.";
/** Key of the loss scale, which runs of precision f16 have. */
const LOSS_SCALE = "loss_scale";

/** Format 1 had no checksum. */
const FORMAT = "espalier-checkpoint-2";

/** A checkpoint that does not fit. The message names the key and the reason. */
export class CheckpointError extends EspalierError {
  override readonly name = "CheckpointError";
}

/** Tensors of a run by their key in the file. `latent.*` is theta; `model.*` is what the forward pass reads. */
function runTensors(model: Module, optimizer: Optimizer, more: ReadonlyMap<string, Tensor>): Map<string, Tensor> {
  const out = new Map<string, Tensor>();
  const names = new Map<Tensor, string>();
  for (const [name, t] of model.namedState()) {
    out.set(`model.${name}`, t);
    names.set(t, name);
    const latent = (t as Parameter).latent;
    if (latent) out.set(`latent.${name}`, latent);
  }
  optimizer.groups.forEach((group, g) => {
    group.chunks.forEach((chunk, c) => {
      for (const p of chunk.params) {
        const velocity = optimizer.velocityOf(p);
        if (velocity) out.set(`momentum.${names.get(p) ?? p.id}`, velocity);
        const moments = optimizer.momentsOf(p);
        if (moments) out.set(`moments.${names.get(p) ?? p.id}`, moments);
      }
      out.set(`counts.${g}.${c}`, chunk.counts);
      if (group.learned.length > 0) out.set(`thresholds.${g}.${c}`, chunk.hyper);
    });
  });
  if (optimizer.scale) out.set(LOSS_SCALE, optimizer.scale.state);
  for (const [name, t] of more) out.set(`method.${name}`, t);
  return out;
}

/** Extra tensors of a run whose pruning method has none. */
const NONE: ReadonlyMap<string, Tensor> = new Map();

function disposeSlices(tensors: ReadonlyMap<string, Tensor>): void {
  for (const [key, t] of tensors) if (/^(?:momentum|moments)\./.test(key)) t.dispose();
}

/** A checkpoint: its bytes, or the file read from them. */
export type CheckpointFile = Uint8Array | SafetensorsFile;

const fileOf = (given: CheckpointFile, name: string): SafetensorsFile =>
  given instanceof Uint8Array ? parseSafetensors(given, name) : given;

/** Return the bytes of a checkpoint; see checkpointParts. */
export async function saveCheckpoint(...given: Parameters<typeof checkpointParts>): Promise<Uint8Array> {
  return joinParts(await checkpointParts(...given));
}

/**
 * Return a checkpoint as the parts of a file, which may be larger than one array. `more`: tensors of the pruning method. The
 * same state and the same `host` give the same bytes. Waits for the GPU.
 *
 * Errors    that of the lost device, so that a bad read is never saved; NonFiniteError if an array holds NaN or infinity.
 */
export async function checkpointParts(
  model: Module,
  optimizer: Optimizer,
  progress: CheckpointProgress,
  more: ReadonlyMap<string, Tensor> = NONE,
  extras: CheckpointExtras = {},
): Promise<FileParts> {
  expectKeys(
    extras,
    { masks: true, left: true, host: true },
    (problem) => new CheckpointError(`checkpoint: ${problem}`),
  );
  const { masks, left, host } = extras;
  const tensors = runTensors(model, optimizer, more);
  try {
    const keys = [...tensors.keys()];
    const values = await readAll(...tensors.values());
    const arrays = new Map<string, HostArray>(
      keys.map((key, i) => [key, { data: values[i]!, shape: tensors.get(key)!.shape }]),
    );
    expectFinite(`checkpoint of step ${progress.step}`, arrays);
    for (const [prefix, bits] of [
      [MASK, masks],
      [LEFT, left],
    ] as const)
      for (const [name, data] of bits ?? []) arrays.set(prefix + name, { shape: [data.length], data });
    return safetensorsParts(arrays, {
      format: FORMAT,
      progress: JSON.stringify(progress),
      ...(host === undefined ? {} : { host: JSON.stringify(host) }),
    });
  } finally {
    disposeSlices(tensors);
  }
}

/** Read the progress record of a checkpoint; no model is needed. Errors: CheckpointError. */
export function readProgress(given: CheckpointFile, name: string): CheckpointProgress & Pick<CheckpointExtras, "host"> {
  const file = fileOf(given, name);
  const host = hostOf(file, name);
  return { ...progressOf(file, name), ...(host === undefined ? {} : { host }) };
}

/** Read the sizes of a checkpoint's model; null if it has the original ones. Errors: CheckpointError. */
export function readShrunk(given: CheckpointFile, name: string): ShrunkState | null {
  const file = fileOf(given, name);
  const { compact } = progressOf(file, name);
  return compact === undefined ? null : { sizes: compact, left: bitsOf(file, LEFT) ?? new Map() };
}

/** Return the state of the host, if there is any. */
function hostOf({ metadata }: SafetensorsFile, name: string): unknown {
  const text = metadata.get("host");
  try {
    return text === undefined ? undefined : (JSON.parse(text) as unknown);
  } catch {
    throw new CheckpointError(`${name}: its state of the host is not valid JSON`);
  }
}

/** Return bits by name, such as the masks for the next epoch record; null if the file has none. */
function bitsOf({ tensors }: SafetensorsFile, prefix: string): ReadonlyMap<string, Uint32Array> | null {
  const found = [...tensors].flatMap(([key, { data }]): [string, Uint32Array][] =>
    key.startsWith(prefix) && data instanceof Uint32Array ? [[key.slice(prefix.length), data]] : [],
  );
  return found.length > 0 ? new Map(found) : null;
}

const isWhole = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;

/** Rule of each field of a progress record. `config` may be anything. */
const FIELDS: readonly (readonly [keyof CheckpointProgress, (value: unknown) => boolean, string])[] = [
  ["step", isWhole, "an integer >= 0"],
  ["epoch", isWhole, "an integer >= 0"],
  ["batch", isWhole, "an integer >= 0"],
  ["seed", Number.isSafeInteger, "an integer"],
  ["threshold", Number.isFinite, "a number"],
  ["compact", (v) => v === undefined || isRecord(v), "the sizes of layers"],
  ["bestScore", (v) => v === undefined || Number.isFinite(v), "a number"],
  ["bestAccuracy", (v) => typeof v === "number" && v >= 0 && v <= 1, "a number from 0 to 1"],
];

function progressOf({ metadata, checked }: SafetensorsFile, name: string): CheckpointProgress {
  const fail = (message: string): never => {
    throw new CheckpointError(`${name}: ${message}`);
  };
  const format = metadata.get("format");
  if (format === "espalier-checkpoint-1")
    fail(
      "was written by an older version, whose checkpoints have no checksum: train again, or resume with that version",
    );
  if (format !== FORMAT) fail(`not a checkpoint: expected format ${FORMAT}, got ${format ?? "none"}`);
  if (!checked) fail("its checksum is missing: the file is corrupt, or another program changed it");
  let progress: unknown;
  try {
    progress = JSON.parse(metadata.get("progress") ?? "");
  } catch {
    fail("its progress record is not valid JSON");
  }
  if (!isRecord(progress))
    return fail(`its progress record: expected an object, got ${JSON.stringify(progress)?.slice(0, 40)}`);
  for (const [key, fits, expected] of FIELDS) {
    if (!fits(progress[key]))
      fail(`its progress record: ${key}: expected ${expected}, got ${JSON.stringify(progress[key])?.slice(0, 40)}`);
  }
  return progress as unknown as CheckpointProgress;
}

/**
 * Load a checkpoint into a model and an optimiser built with the same configuration; the next step then has the bits of an
 * uninterrupted run. Errors: CheckpointError or SafetensorsError if anything does not fit; nothing is changed then.
 */
export function loadCheckpoint(
  given: CheckpointFile,
  name: string,
  model: Module,
  optimizer: Optimizer,
  more: ReadonlyMap<string, Tensor> = NONE,
): LoadedCheckpoint {
  const file = fileOf(given, name);
  const progress = progressOf(file, name);
  const saved = file.tensors;
  const targets = runTensors(model, optimizer, more);
  const [own, other] = [targets, saved].map((all) => (all.has(LOSS_SCALE) ? "f16" : "f32"));
  try {
    if (own !== other) throw new CheckpointError(`${name}: precision: expected ${own}, got a checkpoint of ${other}`);
    for (const [key, t] of targets) {
      const array = saved.get(key);
      if (!array) throw new CheckpointError(`${name}: ${key} is missing`);
      if (!sameShape(array.shape, t.shape))
        throw new CheckpointError(`${name}: ${key}: expected shape [${t.shape}], got [${array.shape}]`);
      const dtype = t.dtype === "f32" ? "F32" : "U32";
      if (array.dtype !== dtype) throw new CheckpointError(`${name}: ${key}: expected ${dtype}, got ${array.dtype}`);
    }
    for (const key of saved.keys()) {
      if (!targets.has(key) && !key.startsWith(MASK) && !key.startsWith(LEFT))
        throw new CheckpointError(`${name}: ${key} belongs to no tensor of this model`);
    }
    const bad = firstNonFinite(saved as ReadonlyMap<string, { readonly data: TypedArray }>);
    if (bad)
      throw new CheckpointError(`${name}: ${describeNonFinite(bad)}, expected finite numbers; resume from another`);
    for (const [key, t] of targets) t.set(saved.get(key)?.data as TypedArray);
  } finally {
    disposeSlices(targets);
  }
  optimizer.clearFaults();
  // With the numbers of the next step, if schedules give them.
  optimizer.stepsDone = progress.step;
  for (const [i, { options }] of optimizer.groups.entries()) {
    if (!options.schedules.threshold)
      optimizer.set({ threshold: progress.threshold, thresholdNext: progress.threshold }, i);
  }
  return { ...progress, masks: bitsOf(file, MASK), host: hostOf(file, name) };
}
