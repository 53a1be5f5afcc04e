// Loads weights from a file into a module, and reports in a few lines which arrays fit.
import { expectOptions, OpError } from "../gpu/index.ts";
import { formatShape, type HostArray, type Shape, sameShape, type Tensor } from "../tensor/index.ts";
import { type KeysOf, kindOf, plural, visible } from "../text/index.ts";
import { Module } from "./module.ts";
import { type LazyTensor, Parameter } from "./parameter.ts";

/** Options of `loadState`. */
export interface LoadOptions {
  /** True (default): a missing, unexpected or misshapen array is an error. False: load the arrays that fit. */
  readonly strict?: boolean;
  /** Names to skip in module and file, as a pattern or as dotted paths: "fc" is fc.weight and fc.bias. */
  readonly skip?: RegExp | readonly string[];
  /** Names that the file may lack; the module keeps their values. Patterns, see namePattern. */
  readonly allowMissing?: readonly string[];
  /** Names that the module may lack; they are skipped. Patterns, see namePattern. */
  readonly allowUnexpected?: readonly string[];
  /** "new": the last layer keeps its initial values if the file's has another class count, or is missing. */
  readonly head?: "new";
  /** Default "refuse": an array that holds NaN or infinity is an error. "allow" loads it as it is. */
  readonly nonFinite?: "refuse" | "allow";
}

const KEYS: KeysOf<LoadOptions> = {
  ...{ strict: true, skip: true, head: true, nonFinite: true },
  ...{ allowMissing: true, allowUnexpected: true },
};

/** An array whose shape differs from that of the module's tensor. */
export interface ShapeMismatch {
  readonly name: string;
  /** Shape in the module. */
  readonly want: Shape;
  /** Shape in the file. */
  readonly have: Shape;
}

/** Report of a load. Names are in the module's order, unexpected ones in the file's. */
export interface LoadReport {
  readonly loaded: readonly string[];
  readonly missing: readonly string[];
  readonly unexpected: readonly string[];
  readonly mismatched: readonly ShapeMismatch[];
  /** Names of module or file that were skipped by `skip` or a new head. */
  readonly skipped: readonly string[];
  /** Names that the file lacks, as allowed. */
  readonly keptAsTheyAre: readonly string[];
  /** Names that the module lacks, as allowed. */
  readonly leftOut: readonly string[];
  /** Patterns of allowMissing and allowUnexpected, with the option's name, that matched no name. */
  readonly idle: readonly string[];
  /** Text about a new last layer, else null. */
  readonly head: string | null;
  /** Number of num_batches_tracked on one side only: PyTorch's count of training steps, which no result depends on. */
  readonly counters: number;
  /** Number of n_averaged in the file, a counter of averaged models; absent if 0. */
  readonly averaged?: number;
}

const COUNTER = /(?:^|\.)num_batches_tracked$/;
const AVERAGED = /(?:^|\.)n_averaged$/;

/**
 * Compile a name pattern: `*` matches any characters, including dots, and `?` one. A pattern that ends at a dot of the name
 * matches all names below it: "fc" and "fc.*" both match fc.weight and fc.bias.
 */
export function namePattern(pattern: string): (name: string) => boolean {
  const escaped = pattern
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replace(/\*/g, ".*")
    .replace(/\?/g, ".");
  const whole = new RegExp(`^${escaped}(?:\\..*)?$`, "su");
  return (name) => whole.test(name);
}

/** Matches names against patterns and collects the patterns that matched none. */
class Allowed {
  readonly names: string[] = [];
  private readonly patterns: readonly { pattern: string; test: (name: string) => boolean }[];
  private readonly met = new Set<string>();
  constructor(patterns: readonly string[]) {
    this.patterns = patterns.map((pattern) => ({ pattern, test: namePattern(pattern) }));
  }
  take(name: string): boolean {
    const meeting = this.patterns.filter(({ test }) => test(name));
    for (const { pattern } of meeting) this.met.add(pattern);
    if (meeting.length > 0) this.names.push(name);
    return meeting.length > 0;
  }
  idle(option: string): string[] {
    return this.patterns.filter(({ pattern }) => !this.met.has(pattern)).map(({ pattern }) => `${option} "${pattern}"`);
  }
}
/** Maximum lines of a report per kind of problem. */
const MAX_LINES = 12;

/** A view of some tensors of a module, so that loadStateDict checks no others. */
class Part extends Module {
  private readonly entries: readonly (readonly [string, LazyTensor])[];
  constructor(entries: readonly (readonly [string, LazyTensor])[]) {
    super();
    this.entries = entries;
  }
  override forward(x: Tensor): Tensor {
    return x;
  }
  override *namedState(): Generator<[string, LazyTensor]> {
    for (const [name, tensor] of this.entries) yield [name, tensor];
  }
}

/**
 * Write arrays into a module by name, and return a report.
 *
 * Shapes    each array as the module's tensor of that name, float32.
 * Options   strict (default true), skip, head: see LoadOptions.
 * Errors    OpError, before anything is written: with `strict` for missing, unexpected or mismatched arrays (the report's text);
 *           always if no array fits, if `skip` or a pattern of allowed names matches no name, and for what Module.loadStateDict
 *           refuses.
 *
 * @example
 * const [model, other] = [new Linear(2, 2), new Linear(2, 2)];
 * const report = loadState(model, await other.stateDict());
 * console.log(report.loaded); // ["weight", "bias"]
 */
export function loadState(
  module: Module,
  arrays: ReadonlyMap<string, HostArray>,
  options: LoadOptions = {},
): LoadReport {
  const report = compareState(module, arrays, options);
  const trouble = report.missing.length + report.unexpected.length + report.mismatched.length;
  if (trouble > 0 && (options.strict ?? true)) throw new OpError("loadState", formatLoadReport(report));
  if (report.idle.length > 0) {
    const words = "matches no name that is missing or unexpected";
    throw new OpError("loadState", report.idle.map((pattern) => `${pattern} ${words}`).join("; "));
  }
  if (report.loaded.length === 0)
    throw new OpError("loadState", `expected at least one array that fits, got none; ${formatLoadReport(report)}`);
  const targets = new Map(module.namedState());
  const part = new Part(report.loaded.map((name) => [name, targets.get(name)!]));
  part.loadStateDict(
    new Map(report.loaded.map((name) => [name, arrays.get(name)!])),
    options.nonFinite === undefined ? {} : { nonFinite: options.nonFinite },
  );
  return report;
}

/** Return the report of loadState without writing anything; needs no GPU. Errors: OpError for bad options. */
export function compareState(
  module: Module,
  arrays: ReadonlyMap<string, { readonly shape: Shape }>,
  options: LoadOptions = {},
): LoadReport {
  expectOptions("loadState", options, KEYS);
  if (typeof arrays?.get !== "function" || typeof arrays.keys !== "function")
    throw new OpError(
      "loadState",
      `arrays: expected a Map by name, such as that of readWeights, got ${kindOf(arrays)}`,
    );
  const { skip = [], head, allowMissing = [], allowUnexpected = [] } = options;
  const targets = new Map(module.namedState());
  const names = new Set([...targets.keys(), ...arrays.keys()]);
  const left = skipper(skip, names);
  const newHead = head === undefined ? null : headOf(module, arrays, head);
  const passes = (name: string) => left(name) || newHead?.owns(name) === true;

  const loaded: string[] = [];
  const missing: string[] = [];
  const mismatched: ShapeMismatch[] = [];
  const skipped: string[] = [];
  const mayLack = new Allowed(allowMissing);
  const mayBring = new Allowed(allowUnexpected);
  let counters = 0;
  for (const [name, target] of targets) {
    const given = arrays.get(name);
    if (passes(name)) skipped.push(name);
    else if (!given && COUNTER.test(name)) counters++;
    else if (!given && mayLack.take(name)) continue;
    else if (!given) missing.push(name);
    else if (sameShape(given.shape, target.shape)) loaded.push(name);
    else mismatched.push({ name, want: target.shape, have: given.shape });
  }
  const extra = [...arrays.keys()].filter((name) => !targets.has(name));
  skipped.push(...extra.filter(passes));
  const others = extra.filter((name) => !passes(name));
  counters += others.filter((name) => COUNTER.test(name)).length;
  const averaged = others.filter((name) => !COUNTER.test(name) && AVERAGED.test(name)).length;
  const unexpected = others.filter((name) => !COUNTER.test(name) && !AVERAGED.test(name) && !mayBring.take(name));
  const idle = [...mayLack.idle("allowMissing"), ...mayBring.idle("allowUnexpected")];
  const allowed = { keptAsTheyAre: mayLack.names, leftOut: mayBring.names, idle };
  const counted = { counters, ...(averaged > 0 ? { averaged } : {}) };
  return { loaded, missing, unexpected, mismatched, skipped, ...allowed, head: newHead?.text ?? null, ...counted };
}

/** Return a test for names to skip. Throws OpError if a part of `skip` matches no name. */
function skipper(skip: RegExp | readonly string[], names: ReadonlySet<string>): (name: string) => boolean {
  if (skip instanceof RegExp) {
    // Without the flags g and y, which make a pattern stateful.
    const pattern = new RegExp(skip.source, skip.flags.replace(/[gy]/g, ""));
    if (![...names].some((name) => pattern.test(name)))
      throw new OpError("loadState", `skip: expected a pattern of at least one name, got ${skip}`);
    return (name) => pattern.test(name);
  }
  const under = (name: string, path: string) => name === path || name.startsWith(`${path}.`);
  for (const path of skip) {
    if (![...names].some((name) => under(name, path)))
      throw new OpError("loadState", `skip: expected a path of at least one name, got "${path}"`);
  }
  return (name) => skip.some((path) => under(name, path));
}

interface NewHead {
  owns(name: string): boolean;
  readonly text: string;
}

/** Find the last layer with a prunable weight, if the file's has another number of outputs or is missing; else null. */
function headOf(module: Module, arrays: ReadonlyMap<string, { readonly shape: Shape }>, head: string): NewHead | null {
  if (head !== "new") throw new OpError("loadState", `head: expected "new", got ${JSON.stringify(head)}`);
  const last = [...module.namedState()].findLast(([, tensor]) => tensor instanceof Parameter && tensor.prunable);
  if (!last) throw new OpError("loadState", "head: expected a module with a prunable weight, got none");
  const [weight, { shape }] = last;
  const path = weight.slice(0, Math.max(0, weight.lastIndexOf(".")));
  const shown = path || "the layer";
  const have = arrays.get(weight)?.shape;
  const owns = (name: string) => name.slice(0, Math.max(0, name.lastIndexOf("."))) === path;
  if (!have) return { owns, text: `${shown} is new: the file has no ${weight}` };
  // Another input width is not another class count, and stays an error.
  if (have.length !== shape.length || !sameShape(have.slice(1), shape.slice(1)) || have[0] === shape[0]) return null;
  return { owns, text: `${shown} is new: ${shape[0]} outputs, the file has ${have[0]}` };
}

/**
 * Format a report: one line if all arrays fit, else counts and names, grouped by module, with at most 12 lines per kind.
 */
export function formatLoadReport(report: LoadReport): string {
  const { loaded, missing, unexpected, mismatched, skipped, keptAsTheyAre, leftOut, head, counters, averaged } = report;
  const total = loaded.length + missing.length + mismatched.length;
  const trouble = missing.length + unexpected.length + mismatched.length;
  const lines = [
    trouble === 0
      ? `loaded all ${plural(loaded.length, "array")}`
      : `${loaded.length} of ${plural(total, "array")} fit`,
  ];
  if (head) lines.push(head);
  if (skipped.length > 0) lines.push(`${skipped.length} skipped: ${shortList(skipped)}`);
  if (keptAsTheyAre.length > 0)
    lines.push(`${keptAsTheyAre.length} not in the file keep their initial values: ${shortList(keptAsTheyAre)}`);
  if (leftOut.length > 0) lines.push(`${leftOut.length} of the file skipped: ${shortList(leftOut)}`);
  if (counters > 0)
    lines.push(`${counters} num_batches_tracked skipped: a count of steps of PyTorch, on which no result depends`);
  if (averaged) lines.push(`${averaged} n_averaged skipped: the number of averaged models`);
  const block = (title: string, all: readonly string[]) => {
    if (all.length === 0) return;
    lines.push(title, ...all.slice(0, MAX_LINES).map((line) => `  ${line}`));
    if (all.length > MAX_LINES) lines.push(`  and ${all.length - MAX_LINES} more modules`);
  };
  block(`missing in the file: ${missing.length}`, byModule(missing));
  block(`in the file only: ${unexpected.length}`, byModule(unexpected));
  block(
    `of another shape: ${mismatched.length}`,
    mismatched.map(({ name, want, have }) => `${name}: expected ${formatShape(want)}, got ${formatShape(have)}`),
  );
  const prefix = commonPrefix(unexpected);
  if (prefix && missing.length > 0 && missing.some((name) => unexpected.includes(prefix + name))) {
    const which = loaded.length === 0 ? "every name in the file starts" : "the names in the file only start";
    lines.push(`${which} with "${prefix}": remove it`);
  }
  return lines.map(visible).join("\n");
}

const shortList = (names: readonly string[]) =>
  `${names.slice(0, 6).join(", ")}${names.length > 6 ? `, and ${names.length - 6} more` : ""}`;

/** Format names as "layer1.0.bn1 (2): weight, bias", one line per module. */
function byModule(names: readonly string[]): string[] {
  const groups = new Map<string, string[]>();
  for (const name of names) {
    const dot = name.lastIndexOf(".");
    const path = name.slice(0, Math.max(0, dot));
    const parts = groups.get(path) ?? [];
    parts.push(name.slice(dot + 1));
    groups.set(path, parts);
  }
  return [...groups].map(([path, parts]) => `${path || "the module itself"} (${parts.length}): ${shortList(parts)}`);
}

/** Return the common first part of all names, with its dot; "" if they differ. */
function commonPrefix(names: readonly string[]): string {
  const first = names[0] ?? "";
  const prefix = first.slice(0, first.indexOf(".") + 1);
  return prefix && names.every((name) => name.startsWith(prefix)) ? prefix : "";
}
