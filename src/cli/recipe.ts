// Reads a recipe: YAML text -> checked settings of a run. Defaults, then the file, then the flags of the command line;
// what is wrong is said in one line each, with the place in the file.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Document, isMap, isNode, isScalar, LineCounter, parseDocument, visit, type YAMLMap } from "yaml";
import type { z } from "zod";
import { closest } from "../text/index.ts";
import {
  DEFAULT_RECIPE,
  defaultFolder,
  defaultsFor,
  descriptionAt,
  keysAt,
  type Recipe,
  type RecipeFlags,
  recipeSchema,
  wantedAt,
} from "./recipe_schema.ts";

export type { Recipe, RecipeFlags } from "./recipe_schema.ts";
export { DEFAULT_RECIPE } from "./recipe_schema.ts";

/** Most problems told at once: one broken bracket can cause hundreds. */
const MAX_PROBLEMS = 20;

/** A recipe that cannot be used. `problems` has one line for each thing that is wrong; the message is all of them. */
export class RecipeError extends Error {
  override readonly name = "RecipeError";
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    const more = problems.length - MAX_PROBLEMS;
    const shown = more > 0 ? [...problems.slice(0, MAX_PROBLEMS), `and ${more} more problems`] : problems;
    super(shown.join("\n"));
    this.problems = shown;
  }
}

/** A recipe as it stands in a file. */
export interface RecipeText {
  readonly text: string;
  readonly file: string;
}

export interface RecipeSource {
  /** YAML text; without it the defaults are the recipe. */
  readonly text?: string | undefined;
  /** Name of the file, for messages; default "recipe". */
  readonly file?: string | undefined;
  /** Settings that win over the file. Keys that are undefined are left out. */
  readonly flags?: RecipeFlags | undefined;
  /** Reads the recipe that `extends` names in the file `from`; without it nothing can be extended. */
  readonly open?: ((name: string, from: string) => RecipeText) | undefined;
  /** Names that model.name may have; without it any name passes. */
  readonly models?: readonly string[] | undefined;
}

/** Longest recipe accepted, in characters: a recipe is a page, not a data set. */
const MAX_LENGTH = 1 << 20;
/** Most times an anchor may be repeated by aliases, all counted: stops texts that unfold to gigabytes. */
const MAX_ALIASES = 100;
/** Most recipes that one may build on, one extending the next. */
const MAX_BASES = 8;

/**
 * Makes the complete recipe of a run: defaults < file < flags, map by map; lists are replaced whole. A layer that gives
 * `prune.threshold`, `lambda`, `sparsity` or another method takes away the first three of the layers below it. A file that
 * begins with `extends: other.yaml` lies over that one, whose folder it is looked for in.
 *
 * Errors   RecipeError, one line per problem: `file:line:col: path: wanted ..., given ...`; for a flag `flags` stands
 *          in place of file:line:col. YAML warnings, tags, duplicate keys, keys that are not plain
 *          text and floods of aliases are refused.
 */
export function resolveRecipe(source: RecipeSource = {}): Recipe {
  const files = readFiles(source);
  const flags = withoutUndefined(source.flags ?? {});
  const given = mergeLayer(files.map((f) => f.value).reduce(mergeLayer), flags);
  const data = get(given, ["data", "name"]) ?? DEFAULT_RECIPE.data.name;
  const defaults = mergeLayer(DEFAULT_RECIPE, defaultsFor(data));
  const model = get(given, ["model", "name"]) ?? get(defaults, ["model", "name"]);
  const merged = mergeLayer(mergeLayer(defaults, { out: defaultFolder(data, model) }), given);
  const where: Where = (path, aim) => locate(path, files, flags, aim);

  const parsed = recipeSchema.safeParse(merged);
  const problems = rulesLast(parsed.error?.issues ?? []).flatMap((issue) => describeIssue(issue, merged, where));
  const name = get(merged, ["model", "name"]);
  if (source.models && typeof name === "string" && !source.models.includes(name)) {
    const wanted = `one of ${source.models.join(", ")}`;
    problems.push(line(where(["model", "name"]), ["model", "name"], wanted, name, closest(name, source.models)));
  }
  if (!parsed.success || problems.length > 0) throw new RecipeError(problems);
  return parsed.data;
}

/** Reads a recipe file and resolves it with the flags. Errors: RecipeError, also when the file cannot be read. */
export function loadRecipe(file: string, options: Omit<RecipeSource, "text" | "file" | "open"> = {}): Recipe {
  const open = (name: string, from: string) => readText(join(dirname(from), name));
  return resolveRecipe({ ...options, ...readText(file), open });
}

function readText(file: string): RecipeText {
  try {
    return { text: readFileSync(file, "utf8"), file };
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const reason = code === "ENOENT" ? "no such file" : oneLine(error);
    throw new RecipeError([`${file}: wanted a recipe that can be read, given ${reason}`]);
  }
}

/** The recipe as YAML, each setting with a comment that says what it is. Reading it back gives the same recipe. */
export function recipeToYaml(recipe: Recipe): string {
  const doc = new Document(recipe);
  const annotate = (map: YAMLMap, path: readonly string[]): void => {
    for (const pair of map.items) {
      const at = [...path, String(isScalar(pair.key) ? pair.key.value : pair.key)];
      if (isMap(pair.value)) {
        annotate(pair.value, at);
      } else if (isNode(pair.value)) {
        const description = descriptionAt(at);
        if (description) pair.value.comment = ` ${description}`;
        if (!isScalar(pair.value)) (pair.value as { flow?: boolean }).flow = true;
      }
    }
  };
  if (isMap(doc.contents)) annotate(doc.contents as YAMLMap, []);
  return doc.toString({ lineWidth: 0 });
}

type Path = readonly PropertyKey[];
/** Whether a place is that of the value or of its key. */
type Aim = "key" | "value";
type Where = (path: Path, aim?: Aim) => string;

interface YamlLayer {
  readonly file: string;
  readonly value: unknown;
  /** line:col of the value at a path, or of the nearest map around it; `depth` says how much of the path was found. */
  place(path: Path, aim?: Aim): { place: string; depth: number };
}

/** The file of a recipe and those that it extends, the one with nothing below it first; `extends` is taken out. */
function readFiles({ text = "", file = "recipe", open }: RecipeSource): YamlLayer[] {
  const layers: YamlLayer[] = [];
  for (let next: RecipeText | null = { text, file }; next; ) {
    const layer = readYaml(next.text, next.file);
    const { extends: base, ...value } = layer.value as Record<string, unknown>;
    layers.unshift({ ...layer, value });
    if (base === undefined) break;
    const refuse = (wanted: string): never => {
      throw new RecipeError([line(`${layer.file}:${layer.place(["extends"]).place}`, ["extends"], wanted, base)]);
    };
    if (typeof base !== "string" || base === "" || !open) return refuse("the file of a recipe to build on");
    if (layers.length > MAX_BASES) refuse(`at most ${MAX_BASES} recipes, one below the other`);
    next = open(base, layer.file);
    if (layers.some((other) => other.file === next?.file)) refuse("a recipe that does not build on this one");
  }
  return layers;
}

function readYaml(text: string, file: string): YamlLayer {
  if (text.length > MAX_LENGTH) {
    throw new RecipeError([`${file}:1:1: wanted at most ${MAX_LENGTH} characters, given ${text.length}`]);
  }
  const lines = new LineCounter();
  const at = (offset: number) => {
    const { line: row, col } = lines.linePos(offset);
    return `${Math.max(1, row)}:${Math.max(1, col)}`;
  };
  try {
    const doc = parseDocument(text, {
      version: "1.2",
      schema: "core",
      uniqueKeys: true,
      stringKeys: true,
      prettyErrors: false,
      logLevel: "error",
      lineCounter: lines,
    });
    const problems = [...doc.errors, ...doc.warnings].map((e) => `${file}:${at(e.pos[0])}: yaml: ${oneLine(e)}`);
    visit(doc, {
      Node(_key, node) {
        const tag = "tag" in node ? node.tag : undefined;
        if (tag) problems.push(`${file}:${at(node.range?.[0] ?? 0)}: yaml: wanted a plain value, given the tag ${tag}`);
      },
    });
    if (problems.length > 0) throw new RecipeError(problems);
    const value: unknown = doc.toJS({ maxAliasCount: MAX_ALIASES });
    if (value === null || value === undefined) return { file, value: {}, place: () => ({ place: "1:1", depth: 0 }) };
    if (!isPlainMap(value)) {
      throw new RecipeError([
        `${file}:${at(doc.contents?.range?.[0] ?? 0)}: wanted a map of settings, given ${show(value)}`,
      ]);
    }
    return { file, value, place: (path, aim) => place(doc, path, at, aim) };
  } catch (error) {
    if (error instanceof RecipeError) throw error;
    throw new RecipeError([`${file}:1:1: yaml: ${oneLine(error)}`]);
  }
}

function place(
  doc: Document.Parsed,
  path: Path,
  at: (offset: number) => string,
  aim: Aim = "value",
): { place: string; depth: number } {
  let node: unknown = doc.contents;
  let offset = doc.contents?.range?.[0] ?? 0;
  let depth = 0;
  for (const key of path) {
    const pair = isMap(node) ? node.items.find((p) => isScalar(p.key) && p.key.value === key) : undefined;
    const found = pair
      ? pair.value
      : isNode(node) && "items" in node
        ? (node.items as unknown[])[Number(key)]
        : undefined;
    if (pair === undefined && found === undefined) break;
    depth++;
    // A map is pointed at by its key, a value by itself.
    const target = aim === "key" || isMap(found) || !isNode(found) ? pair?.key : found;
    offset = (isNode(target) ? target.range?.[0] : undefined) ?? offset;
    node = found;
  }
  return { place: at(offset), depth };
}

/** Where the value at a path came from: the layer that holds the longest part of the path, the uppermost if equal. */
function locate(path: Path, files: readonly YamlLayer[], flags: unknown, aim?: Aim): string {
  let depth = 0;
  for (
    let part = flags;
    depth < path.length && isPlainMap(part) && Object.hasOwn(part, path[depth] as string);
    depth++
  ) {
    part = part[path[depth] as string];
  }
  const found = files.map(({ file, place }) => ({ file, ...place(path, aim) }));
  const inFile = found.reduce((below, above) => (above.depth >= below.depth ? above : below));
  return depth > 0 && depth >= inFile.depth ? "flags" : `${inFile.file}:${inFile.place}`;
}

/** Rules between fields are worth a word only once each field is right by itself. */
function rulesLast(issues: readonly z.core.$ZodIssue[]): readonly z.core.$ZodIssue[] {
  const own = issues.filter((issue) => issue.code !== "custom");
  return own.length > 0 ? own : issues;
}

function describeIssue(issue: z.core.$ZodIssue, merged: unknown, where: Where): string[] {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => {
      const path = [...issue.path, key];
      const known = keysAt(issue.path);
      const elsewhere = keysAt([]).map((section) => (keysAt([section]).includes(key) ? `${section}.${key}` : ""));
      const meant =
        closest(key, issue.path.length === 0 ? [...known, "extends"] : known) ?? elsewhere.find((name) => name !== "");
      return `${where(path, "key")}: ${name(path)}: unknown key, wanted one of ${known.join(", ")}${hint(meant)}`;
    });
  }
  const wanted = issue.code === "custom" ? issue.message : (wantedIn(issue.path) ?? oneLine(issue.message));
  const given = get(merged, issue.path);
  const names = issue.code === "invalid_value" ? issue.values.map(String) : [];
  return [
    line(where(issue.path), issue.path, wanted, given, typeof given === "string" ? closest(given, names) : undefined),
  ];
}

/** What a path wants; for an element of a list, what the list wants. */
function wantedIn(path: Path): string | undefined {
  return wantedAt(path) ?? wantedAt(path.slice(0, -1));
}

function line(where: string, path: Path, wanted: string, given: unknown, meant?: string): string {
  return `${where}: ${name(path)}: wanted ${wanted}, given ${show(given)}${hint(meant)}`;
}

const name = (path: Path) => cut(path.map(String).join("."), 80);
const cut = (s: string, length: number) => (s.length > length ? `${s.slice(0, length - 3)}...` : s);
const hint = (meant: string | undefined) => (meant ? `; did you mean ${meant}?` : "");
const oneLine = (error: unknown) =>
  (error instanceof Error ? error.message : String(error)).replaceAll(/\s+/g, " ").trim();

/** A value as it would look in a recipe, cut at 40 characters. */
function show(value: unknown): string {
  if (value === undefined || value === null) return "nothing";
  const text = typeof value === "number" ? String(value) : (JSON.stringify(value) ?? String(value));
  return cut(text, 40);
}

function isPlainMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function get(value: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (part, key) =>
      typeof part === "object" && part !== null && Object.hasOwn(part, key)
        ? (part as Record<PropertyKey, unknown>)[key]
        : undefined,
    value,
  );
}

/** Deep merge; `over` wins. fromEntries defines keys, so that one named __proto__ stays a (refused) key. */
function merge(base: unknown, over: unknown): unknown {
  if (!isPlainMap(base) || !isPlainMap(over)) return over;
  const keys = new Set([...Object.keys(base), ...Object.keys(over)]);
  return Object.fromEntries(
    [...keys].map((key) => [
      key,
      Object.hasOwn(over, key) ? (Object.hasOwn(base, key) ? merge(base[key], over[key]) : over[key]) : base[key],
    ]),
  );
}

/** What a run aims at: settings of which a layer that gives one takes away the others of the layers below. */
const AIMS = ["threshold", "lambda", "sparsity"];

function mergeLayer(base: unknown, layer: unknown): unknown {
  const given = get(layer, ["prune"]);
  const has = (key: string) => isPlainMap(given) && Object.hasOwn(given, key);
  const merged = merge(base, layer);
  const prune = get(merged, ["prune"]);
  // Another method aims at something else.
  const replaced = AIMS.some(has) || (has("method") && get(given, ["method"]) !== get(base, ["prune", "method"]));
  if (replaced && isPlainMap(prune)) for (const key of AIMS) if (!has(key)) delete prune[key];
  return merged;
}

function withoutUndefined(value: unknown): unknown {
  if (!isPlainMap(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, v]) => v !== undefined)
      .map(([k, v]) => [k, withoutUndefined(v)]),
  );
}
