// Combines weights that PyTorch stores in parts (pruning, weight norm), as its modules do.
import { plural } from "../text/index.ts";
import { type FileArray, quote, toFloat32 } from "./array_types.ts";
import type { WeightEntry, WeightsDict } from "./weights_entry.ts";

const sameShape = (a: readonly number[], b: readonly number[]) =>
  a.length === b.length && a.every((n, i) => n === b[i]);

const f32 = (shape: readonly number[], data: Float32Array): FileArray => ({ dtype: "F32", shape, data });

/** torch.nn.utils.prune: the weight times its mask. */
function masked(orig: WeightEntry, mask: WeightEntry): WeightEntry {
  const { shape } = orig;
  return {
    shape,
    read() {
      const [w, m] = [toFloat32(orig.read()), toFloat32(mask.read())];
      return f32(
        shape,
        w.map((v, i) => v * m[i]!),
      );
    },
  };
}

/**
 * Return the axis along which a weight norm has its lengths: the one where g is as long as v; -1: one length for all;
 * null: g and v are no such pair.
 */
function axisOf(g: readonly number[], v: readonly number[]): number | null {
  if (g.every((n) => n === 1) && (g.length === 0 || v.every((n) => n === 1))) return -1;
  if (g.length !== v.length) return null;
  const axes = g.flatMap((n, i) => (n === 1 ? [] : [i]));
  if (axes.length > 1) return null;
  // If all of g are 1, the first axis of size 1 is PyTorch's default, 0.
  const axis = axes[0] ?? v.indexOf(1);
  return axis >= 0 && g[axis] === v[axis] ? axis : null;
}

/**
 * torch.nn.utils.weight_norm: v * (g / |v|), with the length over all axes but one. Null: the shapes are no such pair.
 */
function normed(g: WeightEntry, v: WeightEntry): WeightEntry | null {
  const { shape } = v;
  const axis = axisOf(g.shape, shape);
  if (axis === null) return null;
  return {
    shape,
    read() {
      const [lengths, values] = [toFloat32(g.read()), toFloat32(v.read())];
      const inner = axis < 0 ? values.length : shape.slice(axis + 1).reduce((a, b) => a * b, 1);
      const lines = axis < 0 ? 1 : shape[axis]!;
      const squares = new Float64Array(lines);
      const lineOf = (i: number) => (axis < 0 ? 0 : Math.floor(i / inner) % lines);
      values.forEach((x, i) => {
        squares[lineOf(i)] = squares[lineOf(i)]! + x * x;
      });
      const scale = squares.map((sum, k) => lengths[k]! / Math.sqrt(sum));
      return f32(
        shape,
        values.map((x, i) => x * scale[lineOf(i)]!),
      );
    },
  };
}

const SPECTRAL =
  "spectral norm is not supported: call torch.nn.utils.remove_spectral_norm (or parametrize.remove_parametrizations) and save again";
const OTHER =
  "this parametrisation is not supported: call torch.nn.utils.parametrize.remove_parametrizations and save again";

/** One part of a weight: names of torch.nn.utils, and of its parametrizations. */
interface Part {
  readonly base: string;
  readonly part: "orig" | "mask" | "g" | "v" | "u" | "other";
}

const PARAMETRIZED = /^(.*\.)?parametrizations\.(\w+)\.(.+)$/;

function partOf(name: string): Part | null {
  const modern = PARAMETRIZED.exec(name);
  if (modern) {
    const part = { original0: "g", original1: "v" }[modern[3]!] ?? "other";
    return { base: `${modern[1] ?? ""}${modern[2]}`, part: part as Part["part"] };
  }
  const old = /^(.+)_(orig|mask|g|v|u)$/.exec(name);
  return old ? { base: old[1]!, part: old[2] as Part["part"] } : null;
}

interface Parts {
  readonly names: Map<Part["part"], string>;
  /** All names, also if several are of one part. */
  readonly all: string[];
  spectral: boolean;
}

function partsByWeight(dict: WeightsDict): Map<string, Parts> {
  const found = new Map<string, Parts>();
  for (const name of dict.entries.keys()) {
    const part = partOf(name);
    if (!part || dict.entries.has(part.base)) continue;
    const parts: Parts = found.get(part.base) ?? { names: new Map(), all: [], spectral: false };
    parts.names.set(part.part, name);
    parts.all.push(name);
    if (/\.0\._[uv]$/.test(name)) parts.spectral = true;
    found.set(part.base, parts);
  }
  return found;
}

/** Combine the parts of one weight. A string: why it is refused; null: the parts are not those of a weight. */
function weightOf({ names, spectral }: Parts, dict: WeightsDict): WeightEntry | string | null {
  const entry = (part: Part["part"]) => dict.entries.get(names.get(part) ?? "");
  const [orig, mask, g, v] = [entry("orig"), entry("mask"), entry("g"), entry("v")];
  if (names.has("other")) return spectral ? SPECTRAL : OTHER;
  if (orig && names.has("u")) return SPECTRAL;
  if (orig && mask && sameShape(orig.shape, mask.shape)) return masked(orig, mask);
  return g && v ? normed(g, v) : null;
}

/**
 * Combine the weights of a dict from their parts: `weight_orig` and `weight_mask` of torch.nn.utils.prune, `weight_g`
 * and `weight_v` (or `parametrizations.weight.original0` and `1`) of weight_norm. Spectral norm and other
 * parametrisations become refused entries. `notes` say what was combined.
 */
export function withoutParametrisations(dict: WeightsDict): { dict: WeightsDict; notes: readonly string[] } {
  const made = new Map<string, WeightEntry | string>();
  const gone = new Set<string>();
  const counts = { pruning: 0, "weight norm": 0 };
  for (const [base, parts] of partsByWeight(dict)) {
    const weight = weightOf(parts, dict);
    if (weight === null) continue;
    if (typeof weight !== "string") counts[parts.names.has("orig") ? "pruning" : "weight norm"]++;
    for (const name of parts.all) gone.add(name);
    made.set(base, weight);
  }
  if (made.size === 0) return { dict, notes: [] };
  const entries = new Map<string, WeightEntry>();
  const refused = new Map(dict.refused);
  for (const [name, entry] of dict.entries) {
    if (!gone.has(name)) {
      entries.set(name, entry);
      continue;
    }
    const base = partOf(name)?.base as string;
    const weight = made.get(base)!;
    if (typeof weight === "string") refused.set(base, weight);
    else entries.set(base, weight);
  }
  const [first] = made.keys();
  const notes = Object.entries(counts)
    .filter(([, n]) => n > 0)
    .map(([what, n]) => `combined from the parts of ${what}: ${plural(n, "array")}, starting with ${quote(first)}`);
  return { dict: { ...dict, entries, refused }, notes };
}
