// Weights and sizes of the compacted model: rows and columns of removed channels cut out, constants and batch norm in the biases.
import type { StateDict } from "../../nn/index.ts";
import type { HostArray } from "../../tensor/index.ts";
import type { CompactLayer, CompactSizes } from "./description.ts";
import { type LayerUse, positionOf, reads, tapSum } from "./layers.ts";
import type { Removal } from "./removal.ts";
import type { NormUse, PadUse, Walk } from "./walk.ts";

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type Gone = Removal["isGone"];

/** New weights of a layer, in float64 until all is folded in. */
interface NewLayer {
  readonly shape: readonly number[];
  readonly weight: Float64Array;
  /** Null: no bias, and none needed. */
  bias: Float64Array | null;
  readonly groups: number;
}

export const keptPositions = (ids: Int32Array, isGone: Gone): number[] =>
  [...ids.keys()].filter((i) => !isGone(ids[i]!));

/** Return the inputs of its group that output o keeps. */
export function keptInputs({ input, groupInputs, depthwise, ...layer }: LayerUse, o: number, isGone: Gone): number[] {
  const all = Array.from({ length: groupInputs }, (_, j) => j);
  if (!input || depthwise) return all;
  return all.filter((j) => !isGone(input.ids[positionOf({ groupInputs, ...layer }, o, j)]!));
}

/** Compute the share of removed constant inputs in output o. */
function removedShare(layer: LayerUse, o: number, isGone: Gone): number {
  const { input, groupInputs, depthwise } = layer;
  if (!input || depthwise) return 0;
  let sum = 0;
  for (let j = 0; j < groupInputs; j++) {
    const at = positionOf(layer, o, j);
    const value = input.values[at]!;
    if (isGone(input.ids[at]!) && value !== 0 && reads(layer, o, j)) sum += value * tapSum(layer, o, j);
  }
  return sum;
}

/** Cut the rows and columns of removed channels out of a layer. Constant inputs move into the bias. */
function cutLayer(layer: LayerUse, isGone: Gone): NewLayer {
  const { module, output, groupInputs, taps, groups, depthwise } = layer;
  const rows = keptPositions(output, isGone);
  const columns = rows.map((o) => keptInputs(layer, o, isGone));
  const width = columns[0]!.length;
  const weight = new Float64Array(rows.length * width * taps);
  let at = 0;
  for (const [r, o] of rows.entries()) {
    for (const j of columns[r]!) {
      const first = (o * groupInputs + j) * taps;
      for (let i = first; i < first + taps; i++) weight[at++] = layer.weight[i]!;
    }
  }
  const shares = rows.map((o) => removedShare(layer, o, isGone));
  const needsBias = layer.bias !== null || shares.some((v) => v !== 0);
  const bias = needsBias ? Float64Array.from(rows, (o, r) => (layer.bias?.[o] ?? 0) + shares[r]!) : null;
  const shape = [rows.length, width, ...module.weight.shape.slice(2)];
  return { shape, weight, bias, groups: depthwise ? (groups * rows.length) / output.length : groups };
}

/** Move a batch norm's map into the layer before it: w' = w · s, b' = (b - mean) · s + shift, with s = weight / sqrt(var + eps). */
function foldInto(layer: NewLayer, norm: NormUse, walk: Walk, isGone: Gone): void {
  const { weight, bias, running_mean, running_var, eps } = norm.module;
  const [scale, shift] = [walk.valuesOf(weight), walk.valuesOf(bias)];
  const [mean, variance] = [walk.valuesOf(running_mean)!, walk.valuesOf(running_var)!];
  const width = layer.weight.length / layer.shape[0]!;
  const old = layer.bias;
  layer.bias = Float64Array.from(keptPositions(norm.ids, isGone), (c, r) => {
    const s = (scale?.[c] ?? 1) / Math.sqrt(variance[c]! + eps);
    for (let i = r * width; i < (r + 1) * width; i++) layer.weight[i]! *= s;
    return ((old?.[r] ?? 0) - mean[c]!) * s + (shift?.[c] ?? 0);
  });
}

const array = (values: ArrayLike<number>, shape: readonly number[]): HostArray<Float32Array> => ({
  data: Float32Array.from(values),
  shape,
});

/** Return the path of a child. */
export const below = (path: string, name: string) => (path === "" ? name : `${path}.${name}`);

/** Return the sizes of a layer that differ from the original's; null if none does. */
function changed(use: LayerUse, made: NewLayer): CompactLayer | null {
  const sizes: Mutable<CompactLayer> = {};
  if (made.shape.some((n, i) => n !== use.module.weight.shape[i])) sizes.weight = made.shape;
  if (made.bias && !use.bias) sizes.bias = true;
  if (made.groups !== use.groups) sizes.groups = made.groups;
  return Object.keys(sizes).length > 0 ? sizes : null;
}

/** New weights by name, and the sizes of the layers that changed. */
export interface Rewritten {
  readonly weights: StateDict;
  readonly sizes: CompactSizes;
}

/** Cut a batch norm, or fold it into its layer. Returns its new sizes; null if they are the old ones. */
function rewriteNorm(
  norm: NormUse,
  layer: NewLayer | null,
  walk: Walk,
  isGone: Gone,
  weights: StateDict,
): CompactLayer | null {
  const { path, module, ids } = norm;
  const kept = keptPositions(ids, isGone);
  if (layer) foldInto(layer, norm, walk, isGone);
  for (const name of ["weight", "bias", "running_mean", "running_var"] as const) {
    const values = walk.valuesOf(module[name]);
    if (!values) continue;
    if (layer) weights.delete(below(path, name));
    else
      weights.set(
        below(path, name),
        array(
          kept.map((c) => values[c]!),
          [kept.length],
        ),
      );
  }
  if (layer) return { channels: 0 };
  return kept.length < ids.length ? { channels: kept.length } : null;
}

/** Return the channels of zeros that a block keeps; null if it keeps all. */
function keptZeros({ before, after }: PadUse, isGone: Gone): CompactLayer | null {
  const zeros = [keptPositions(before, isGone).length, keptPositions(after, isGone).length] as const;
  return zeros[0] === before.length && zeros[1] === after.length ? null : { zeros };
}

/** Put the new biases behind the weights of their layers, as a state_dict lists them. */
function inOrder(weights: StateDict, original: StateDict): StateDict {
  const names = [...original.keys()].flatMap((name) => {
    const bias = name.replace(/weight$/, "bias");
    return bias !== name && !original.has(bias) ? [name, bias] : [name];
  });
  return new Map(names.flatMap((name) => (weights.has(name) ? [[name, weights.get(name)!] as const] : [])));
}

/** Cut removed channels out of all weights. With `fold`, each batch norm whose layer is known becomes part of it. */
export function rewrite(walk: Walk, { isGone }: Removal, original: StateDict, fold: boolean): Rewritten {
  const weights: StateDict = new Map(original);
  const sizes: [string, CompactLayer | null][] = [];
  const made = new Map(walk.layers.map((use) => [use, cutLayer(use, isGone)]));
  for (const norm of walk.norms) {
    const layer = fold && norm.layer ? made.get(norm.layer)! : null;
    sizes.push([norm.path, rewriteNorm(norm, layer, walk, isGone, weights)]);
  }
  for (const [use, layer] of made) {
    weights.set(below(use.path, "weight"), array(layer.weight, layer.shape));
    if (layer.bias) weights.set(below(use.path, "bias"), array(layer.bias, [layer.bias.length]));
    sizes.push([use.path, changed(use, layer)]);
  }
  for (const pad of walk.pads) sizes.push([pad.path, keptZeros(pad, isGone)]);
  return {
    weights: inOrder(weights, original),
    sizes: Object.fromEntries(sizes.filter(([, size]) => size !== null)) as CompactSizes,
  };
}
