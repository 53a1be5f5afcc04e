// Merges the layers of a recipe: defaults, the extended files, the file, the flags. Finds settings that the run does not
// read.

import { isRecord } from "../text/index.ts";
import { keysAt } from "./schema.ts";
import type { Recipe } from "./settings.ts";
import { unreadUse } from "./uses.ts";

export type Path = readonly PropertyKey[];
/** Selects the position of a value or of its key. */
export type Aim = "key" | "value";

export interface Layer {
  readonly value: unknown;
  /** Return the source of the value at a path: file:line:col, or a flag. */
  where(path: Path, aim?: Aim): string;
  /** True for a complete recipe that a run wrote: no user chose the settings that it does not read. */
  readonly written?: boolean;
}

export function get(value: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (part, key) =>
      typeof part === "object" && part !== null && Object.hasOwn(part, key)
        ? (part as Record<PropertyKey, unknown>)[key]
        : undefined,
    value,
  );
}

/** Count the keys of a path that a value has. */
export function depthOf(value: unknown, path: Path): number {
  let part = value;
  let depth = 0;
  for (const key of path) {
    if (typeof part !== "object" || part === null || !Object.hasOwn(part, key)) break;
    part = (part as Record<PropertyKey, unknown>)[key];
    depth++;
  }
  return depth;
}

/** Merge deeply; `over` wins. fromEntries defines keys, so that __proto__ stays a key, which is refused. */
function merge(base: unknown, over: unknown): unknown {
  if (!isRecord(base) || !isRecord(over)) return over;
  const keys = new Set([...Object.keys(base), ...Object.keys(over)]);
  return Object.fromEntries(
    [...keys].map((key) => [
      key,
      Object.hasOwn(over, key) ? (Object.hasOwn(base, key) ? merge(base[key], over[key]) : over[key]) : base[key],
    ]),
  );
}

/** Aims of a run: a layer that sets one removes the others from the layers below. */
const AIMS = ["threshold", "lambda", "sparsity", "groupSparsity", "shares"];

export function mergeLayer(base: unknown, layer: unknown): unknown {
  const given = get(layer, ["prune"]);
  const has = (key: string) => isRecord(given) && Object.hasOwn(given, key);
  const merged = merge(base, layer);
  const prune = get(merged, ["prune"]);
  // Another method has another aim.
  const replaced = AIMS.some(has) || (has("method") && get(given, ["method"]) !== get(base, ["prune", "method"]));
  if (replaced && isRecord(prune)) {
    for (const key of AIMS) if (!has(key)) delete prune[key];
    // The way to a share belongs to the share.
    if (!has("sparsity") && !has("groupSparsity") && !has("steer")) delete prune.steer;
  }
  return merged;
}

/** Leave out undefined values, and maps that become empty, at any depth. */
export function withoutUndefined(value: unknown): unknown {
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .map(([k, v]) => [k, withoutUndefined(v)] as const)
      .filter(([, v]) => v !== undefined && !(isRecord(v) && Object.keys(v).length === 0)),
  );
}

/** List the paths of the settings in a value; a list is one setting. */
export function settingsOf(value: unknown, path: readonly string[] = []): string[][] {
  if (!isRecord(value) || (path.length > 0 && keysAt(path).length === 0)) return [[...path]];
  return Object.entries(value).flatMap(([key, inner]) => settingsOf(inner, [...path, key]));
}

export function without(value: unknown, path: readonly string[]): unknown {
  const [key, ...rest] = path;
  if (!isRecord(value) || key === undefined) return value;
  const entries = Object.entries(value);
  if (rest.length === 0) return Object.fromEntries(entries.filter(([k]) => k !== key));
  return Object.fromEntries(entries.map(([k, v]) => [k, k === key ? without(v, rest) : v]));
}

/** Settings that choose a method; the others of their section depend on it. */
const CHOICES: Readonly<Record<string, readonly string[]>> = { prune: ["method", "schedule"], lr: ["schedule"] };
/** Settings of the optimiser, which are in no section. */
const OF_OPTIMIZER = new Set(["momentum", "nesterov", "betas", "eps", "amsgrad", "alpha", "centered"]);

/** A setting of one layer that the run does not read. */
interface Unread {
  readonly path: readonly string[];
  readonly value: unknown;
  readonly layer: Layer;
  readonly what: string;
  readonly since: string;
}

const unreadOf = (path: readonly string[], layer: Layer, merged: unknown): Unread | null => {
  const value = get(layer.value, path);
  const use = unreadUse(path.join("."), value, merged as Recipe);
  return use && { path, value, layer, what: use.what, since: use.since(merged as Recipe) };
};

interface Resolved {
  readonly merged: unknown;
  /** Settings without effect. */
  readonly refused: readonly Unread[];
  /** Settings of a lower layer that lost their effect because a higher one chose another method. They are left out. */
  readonly replaced: readonly Unread[];
}

/**
 * Merge `layers`, the lowest first, over `defaults`, and find settings that the run does not read. If a higher layer chose
 * another pruning method, threshold schedule or learning-rate schedule, settings of the former choice are left out; all others
 * are refused.
 */
export function layOver(defaults: unknown, layers: readonly Layer[]): Resolved {
  const below: unknown[] = [defaults];
  for (const layer of layers) below.push(mergeLayer(below.at(-1), layer.value));
  const merged = below.at(-1);
  const refused: Unread[] = [];
  const replaced: Unread[] = [];
  let kept = layers.map((layer) => layer.value);
  for (const [i, layer] of layers.entries()) {
    for (const path of settingsOf(layer.value)) {
      const unread = unreadOf(path, layer, merged);
      if (!unread) continue;
      const value = JSON.stringify(unread.value);
      if (layer.written) {
        // Unchanged, so that the run continues with its own recipe; reported only if a user chose the value.
        if (value !== JSON.stringify(get(defaults, path))) replaced.push(unread);
      } else if (wasRead(path, unread.value, i, below, layers)) {
        replaced.push(unread);
        kept = kept.map((other, j) => (j === i ? without(other, path) : other));
      } else refused.push(unread);
    }
  }
  return { merged: withoutIdleAims(kept.reduce(mergeLayer, defaults), kept), refused, replaced };
}

/** Leave out a default threshold from a dense run. */
function withoutIdleAims(merged: unknown, layers: readonly unknown[]): unknown {
  const idle = AIMS.map((key) => ["prune", key]).filter(
    (path) =>
      layers.every((layer) => get(layer, path) === undefined) &&
      unreadUse(path.join("."), get(merged, path), merged as Recipe),
  );
  return idle.reduce(without, merged);
}

/** Return true if the setting had an effect before a higher layer made another choice. */
function wasRead(
  path: readonly string[],
  value: unknown,
  at: number,
  below: readonly unknown[],
  layers: readonly Layer[],
): boolean {
  const [section = ""] = path;
  const choices = OF_OPTIMIZER.has(section) ? [["optimizer"]] : (CHOICES[section] ?? []).map((key) => [section, key]);
  for (let top = at; top < layers.length - 1; top++) {
    const view = below[top + 1];
    if (unreadUse(path.join("."), value, view as Recipe)) continue;
    return layers.slice(top + 1).some(({ value: over }, k) =>
      choices.some((choice) => {
        const chosen = get(over, choice);
        return chosen !== undefined && chosen !== get(below[top + 1 + k], choice);
      }),
    );
  }
  return false;
}
