// Sessions small enough to run by the dozen in a test: a network of 2782 weights, 72 images, five steps an epoch of which
// the last is shorter. Tests of pruning methods say what is different about theirs.
import { parseSafetensors } from "../../src/io/index.ts";
import { BatchNorm2d, Conv2d, Flatten, Linear, type Module, manualSeed, ReLU, Sequential } from "../../src/nn/index.ts";
import type { PruneConfig } from "../../src/prune/index.ts";
import {
  type EpochRecord,
  type FitOptions,
  type RunConfig,
  type RunPosition,
  type RunRecord,
  Session,
  type StepRecord,
} from "../../src/train/index.ts";
import { squares } from "./shapes.ts";

const data = { train: squares(72, 8, 1), test: squares(60, 8, 9) };

export const STEPS_PER_EPOCH = 5;

/** Pruning settings: method soft, schedule lats and mode latent unless told otherwise. */
export type TinyPrune = Partial<PruneConfig>;
/** Differences from four epochs of SGD with momentum and a cosine learning rate. */
export type TinyMore = Partial<Omit<RunConfig, "prune">>;

export function tinyConfig(prune: TinyPrune, more: TinyMore = {}): RunConfig {
  return {
    epochs: 4,
    batchSize: 16,
    lr: { schedule: "cosine", base: 0.05, per: "step" },
    momentum: 0.9,
    nesterov: false,
    weightDecay: 1e-4,
    labelSmoothing: 0,
    augment: { crop: 1, flip: false },
    seed: 5,
    logEvery: 1,
    ...more,
    prune: { schedule: "lats", mode: "latent", ...prune },
  };
}

/** Prunable layers: 0.weight [54 weights], 3.weight [648], 7.weight [1920], 9.weight [160]. */
export const tinyModel = (): Module =>
  new Sequential([
    new Conv2d(1, 6, 3, { stride: 2, padding: 1, bias: false }),
    new BatchNorm2d(6),
    new ReLU(),
    new Conv2d(6, 12, 3, { stride: 2, padding: 1, bias: false }),
    new BatchNorm2d(12),
    new ReLU(),
    new Flatten(),
    new Linear(48, 40),
    new ReLU(),
    new Linear(40, 4),
  ]);

export const TINY_LAYERS = { "0.weight": 54, "3.weight": 648, "7.weight": 1920, "9.weight": 160 } as const;
export const TINY_WEIGHTS = 2782;

/** A session that has not begun. Dispose it. */
export function tinySession(prune: TinyPrune, more: TinyMore = {}, replay = true): Session {
  const config = tinyConfig(prune, more);
  manualSeed(config.seed);
  return new Session({ model: tinyModel(), data, config, replay });
}

export interface Saved {
  readonly position: RunPosition;
  readonly bytes: Uint8Array;
}

export interface TinyRun {
  /** Checkpoint of the end: weights, latents, momentum, running statistics, counts, thresholds. */
  readonly bytes: Uint8Array;
  readonly records: readonly RunRecord[];
  readonly steps: readonly StepRecord[];
  readonly epochs: readonly EpochRecord[];
  /** Checkpoints on the way, by step; see `checkpointEvery`. */
  readonly saved: ReadonlyMap<number, Saved>;
}

/** Train a session to its end, with checkpoints after each epoch and, if given, every n steps; dispose it. */
export async function finish(session: Session, checkpointEvery?: number): Promise<TinyRun> {
  try {
    const records: RunRecord[] = [];
    const saved = new Map<number, Saved>();
    const callbacks: Pick<FitOptions, "onRecord" | "onCheckpoint"> = {
      onRecord: (record) => void records.push(record),
      onCheckpoint: async (position) => {
        saved.set(position.step, { position, bytes: await session.save(position) });
      },
    };
    await session.fit({ ...callbacks, ...(checkpointEvery ? { checkpointEvery } : {}) });
    return {
      bytes: await session.save(session.position),
      records,
      steps: records.filter((r): r is StepRecord => r.kind === "step"),
      epochs: records.filter((r): r is EpochRecord => r.kind === "epoch"),
      saved,
    };
  } finally {
    session.dispose();
  }
}

/** A whole run with these settings. */
export const tinyRun = (prune: TinyPrune, more: TinyMore = {}, checkpointEvery?: number): Promise<TinyRun> =>
  finish(tinySession(prune, more), checkpointEvery);

/** A float tensor of a checkpoint: `model.3.weight`, `latent.3.weight`, `momentum.3.weight`. */
export function tensorOf(bytes: Uint8Array, key: string): Float32Array {
  const array = parseSafetensors(bytes).tensors.get(key);
  if (!(array?.data instanceof Float32Array)) throw new Error(`the checkpoint has no float tensor ${key}`);
  return array.data;
}

export const keysOf = (bytes: Uint8Array): string[] => [...parseSafetensors(bytes).tensors.keys()];

const bytesOf = ({ data: d }: { readonly data: ArrayBufferView }) =>
  new Uint8Array(d.buffer, d.byteOffset, d.byteLength);

export function sameBits(a: ArrayBufferView, b: ArrayBufferView): boolean {
  const [x, y] = [bytesOf({ data: a }), bytesOf({ data: b })];
  return x.length === y.length && x.every((v, i) => v === y[i]);
}

/** Keys of the tensors that differ by a bit between two checkpoints, or that one of them has not. */
export function differing(a: Uint8Array, b: Uint8Array): string[] {
  const [one, other] = [parseSafetensors(a), parseSafetensors(b)];
  const keys = new Set([...one.tensors.keys(), ...other.tensors.keys()]);
  return [...keys].filter((key) => {
    const [x, y] = [one.tensors.get(key), other.tensors.get(key)];
    return !x || !y || !sameBits(x.data, y.data);
  });
}

/** Zeros of each prunable layer in a checkpoint. */
export function zerosOf(bytes: Uint8Array): Record<keyof typeof TINY_LAYERS, number> {
  const count = (name: string) => tensorOf(bytes, `model.${name}`).reduce((n, v) => n + Number(v === 0), 0);
  return Object.fromEntries(Object.keys(TINY_LAYERS).map((name) => [name, count(name)])) as ReturnType<typeof zerosOf>;
}

/** Zeros over all prunable weights of a checkpoint, those of layers left dense included. */
export const sparsityIn = (bytes: Uint8Array): number =>
  Object.values(zerosOf(bytes)).reduce((a, b) => a + b, 0) / TINY_WEIGHTS;
