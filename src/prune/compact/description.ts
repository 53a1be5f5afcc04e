// Sizes of a compacted model, as its file holds them, and how a model of the original sizes gets them.
import { OpError } from "../../gpu/index.ts";
import {
  BatchNorm2d,
  Conv2d,
  constantInit,
  foldNorm,
  Linear,
  type Module,
  Parameter,
  StateBuffer,
} from "../../nn/index.ts";
import { formatShape, type Shape, sameShape } from "../../tensor/index.ts";
import { isRecord, quote } from "../../text/index.ts";
import { padsChannels } from "./pads_channels.ts";

/** Sizes of one layer of a compacted model. Absent parts are as in the original model. */
export interface CompactLayer {
  /** Shape of the weight of a convolution or linear layer. */
  readonly weight?: Shape;
  /** True if the layer has a bias. */
  readonly bias?: boolean;
  /** Groups of a convolution. */
  readonly groups?: number;
  /** Channels of a batch norm; 0: it is folded into the layer before. */
  readonly channels?: number;
  /** Channels of zeros before and after those of an identity shortcut. */
  readonly zeros?: readonly [number, number];
}

/** Sizes of the layers that compaction changed, by path. */
export type CompactSizes = Readonly<Record<string, CompactLayer>>;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const fail = (problem: string): never => {
  throw new OpError("applyCompaction", problem);
};

const isCount = (value: unknown, least = 1): value is number => Number.isInteger(value) && (value as number) >= least;

const zeros = constantInit(0);

function resized(path: string, old: Parameter, shape: unknown): Parameter {
  const rank = old.shape.length;
  const isShape = Array.isArray(shape) && shape.length === rank && shape.every((n) => isCount(n));
  if (!isShape || !sameShape(shape.slice(2) as Shape, old.shape.slice(2)))
    fail(`${path}.weight: expected a shape that fits ${formatShape(old.shape)}, got ${quote(shape)}`);
  return sameShape(shape as Shape, old.shape) ? old : new Parameter(shape as Shape, zeros, { prunable: old.prunable });
}

/** Give a convolution or linear layer other sizes. */
function resizeLayer(path: string, m: Conv2d | Linear, { weight, bias, groups }: CompactLayer): void {
  const layer = m as Mutable<typeof m>;
  const { weight: old, bias: oldBias } = m;
  if (weight !== undefined) layer.weight = resized(path, old, weight);
  if (layer.weight !== old) old.dispose();
  const outputs = layer.weight.shape[0]!;
  const hasBias = bias ?? oldBias !== null;
  if (hasBias !== (oldBias !== null) || (oldBias && oldBias.shape[0] !== outputs)) {
    oldBias?.dispose();
    layer.bias = hasBias ? new Parameter([outputs], zeros) : null;
  }
  if (groups === undefined) return;
  if (!(m instanceof Conv2d) || !isCount(groups) || outputs % groups !== 0)
    fail(`${path}: groups: expected a divisor of ${outputs} channels, got ${quote(groups)}`);
  const conv = m as Mutable<Conv2d>;
  conv.options = { ...conv.options, groups };
}

/** Give a batch norm other channels, or fold it. */
function resizeNorm(path: string, m: BatchNorm2d, channels: unknown): void {
  if (!isCount(channels, 0)) fail(`${path}: channels: expected an integer >= 0, got ${quote(channels)}`);
  if (channels === 0) {
    foldNorm(m);
    return;
  }
  const norm = m as Mutable<BatchNorm2d>;
  const shape = [channels as number];
  for (const t of [m.weight, m.bias, m.running_mean, m.running_var]) t?.dispose();
  if (m.weight) norm.weight = new Parameter(shape, constantInit(1));
  if (m.bias) norm.bias = new Parameter(shape, zeros);
  norm.running_mean = new StateBuffer(shape, zeros);
  norm.running_var = new StateBuffer(shape, constantInit(1));
}

function resize(path: string, m: Module | undefined, layer: CompactLayer): void {
  const { zeros: added, channels } = layer;
  if (m instanceof Conv2d || m instanceof Linear) resizeLayer(path, m, layer);
  else if (m instanceof BatchNorm2d) resizeNorm(path, m, channels);
  else if (padsChannels(m) && Array.isArray(added) && added.length === 2 && added.every((n) => isCount(n, 0)))
    (m as Mutable<typeof m>).zeroChannels = [added[0]!, added[1]!];
  else
    fail(
      `${path || "the model itself"}: expected a layer with channels, as the model was compacted, got ${m?.constructor.name ?? "none"}`,
    );
}

/**
 * Give a model the sizes of a compacted one, in place. Its weights are zeros until they are loaded. The model has the sizes of the one
 * that was compacted: `buildModel` with the same name and options. Throws OpError for layers that the model does not have.
 *
 * @example
 * const original = new Sequential([new Linear(4, 3), new ReLU(), new Linear(3, 2)]);
 * applyCompaction(original, { "0": { weight: [2, 4] }, "2": { weight: [2, 2] } });
 * console.log(original.parameters().map((p) => p.shape.join("x")).join(" ")); // 2x4 2 2x2 2
 */
export function applyCompaction(model: Module, sizes: CompactSizes): void {
  if (!isRecord(sizes)) fail(`sizes: expected an object of layers by path, got ${quote(sizes)}`);
  const modules = new Map(model.namedModules());
  for (const [path, layer] of Object.entries(sizes)) {
    if (!isRecord(layer)) fail(`${path}: expected the sizes of a layer, got ${quote(layer)}`);
    resize(path, modules.get(path), layer);
  }
}
