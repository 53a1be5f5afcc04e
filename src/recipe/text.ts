// Reads the YAML text of recipes, refuses other files, and finds the position of each value.
import { dirname, isAbsolute, join } from "node:path";
import { type Document, isMap, isNode, isScalar, LineCounter, parseDocument, visit } from "yaml";
import { readRegularTextSync } from "../node/regular_file.ts";
import { UsageError } from "../terminal/fail.ts";
import { isRecord, visible } from "../text/index.ts";
import type { Aim, Layer, Path } from "./layers.ts";
import { keysAt } from "./schema.ts";
import { line, oneLine, show } from "./words.ts";

/** Most problems reported at once: one missing bracket can cause hundreds. */
const MAX_PROBLEMS = 20;
const MAX_YAML_PROBLEMS = 5;
/** Longest recipe accepted, in characters: a recipe is a page, not a data set. */
const MAX_LENGTH = 1 << 20;
/** Limit of all repetitions by aliases: stops texts that expand to gigabytes. */
const MAX_ALIASES = 100;
/** Longest chain of recipes that extend each other. */
const MAX_BASES = 8;
/** Most unknown keys at the top of a file to report one by one. A file with more, and no known key, is not a recipe. */
const MAX_UNKNOWN = 3;

/** An invalid recipe. `problems` has one line for each fault; the message joins them. */
export class RecipeError extends UsageError {
  override readonly name = "RecipeError";
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    const more = problems.length - MAX_PROBLEMS;
    const shown = more > 0 ? [...problems.slice(0, MAX_PROBLEMS), `and ${more} more problems`] : problems;
    super(shown.join("\n"));
    this.problems = shown;
  }
}

/** The text of a recipe, and its file. */
export interface RecipeText {
  readonly text: string;
  readonly file: string;
}

/** Read a recipe file. Errors: RecipeError if it is no regular file, too long, or unreadable. */
export function readRecipeFile(file: string): RecipeText {
  try {
    return { text: readRegularTextSync(file, 4 * MAX_LENGTH), file };
  } catch (error) {
    const reason = oneLine(error).replace(/^expected a regular file, got /, "");
    throw new RecipeError([`cannot read ${visible(file)}: ${reason}`]);
  }
}

/** Return the file of `extends: name` in the file `from`. */
export const baseFile = (name: string, from: string): string => (isAbsolute(name) ? name : join(dirname(from), name));

interface YamlLayer extends Layer {
  readonly file: string;
  readonly value: Record<string, unknown>;
}

export interface RecipeTexts {
  /** YAML text; without it the defaults are the recipe. */
  readonly text?: string | undefined;
  /** Name of the file, for messages; default "recipe". */
  readonly file?: string | undefined;
  /** Reads the recipe that `extends` names in the file `from`; without it `extends` is refused. */
  readonly open?: ((name: string, from: string) => RecipeText) | undefined;
  /** True for a complete recipe that a run wrote. */
  readonly written?: boolean | undefined;
}

/** Read a recipe and those that it extends, the lowest first; removes `extends`. */
export function readLayers({ text = "", file = "recipe", open, written = false }: RecipeTexts): Layer[] {
  const layers: YamlLayer[] = [];
  for (let next: RecipeText | null = { text, file }; next; ) {
    const layer = readYaml(next.text, next.file);
    const { extends: base, ...value } = layer.value;
    layers.unshift({ ...layer, value, written });
    if (base === undefined) break;
    const refuse = (wanted: string): never => {
      throw new RecipeError([line(layer.where(["extends"]), ["extends"], wanted, base)]);
    };
    if (typeof base !== "string" || base === "" || !open) return refuse("the file of a recipe to build on");
    if (layers.length > MAX_BASES) refuse(`at most ${MAX_BASES} recipes, one below the other`);
    next = open(base, layer.file);
    if (layers.some((other) => other.file === next?.file)) refuse("a recipe that does not build on this one");
  }
  return layers;
}

function readYaml(text: string, file: string): YamlLayer {
  const named = visible(file);
  if (text.length > MAX_LENGTH)
    throw new RecipeError([`${named}:1:1: expected at most ${MAX_LENGTH} characters, got ${text.length}`]);
  const lines = new LineCounter();
  const at = (offset: number) => {
    const { line: row, col } = lines.linePos(offset);
    return `${named}:${Math.max(1, row)}:${Math.max(1, col)}`;
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
    const problems = [...doc.errors, ...doc.warnings].map((e) => `${at(e.pos[0])}: yaml: ${oneLine(e)}`);
    visit(doc, {
      Node(_key, node) {
        const tag = "tag" in node ? node.tag : undefined;
        if (tag)
          problems.push(`${at(node.range?.[0] ?? 0)}: yaml: expected a plain value, got the tag ${visible(tag)}`);
      },
    });
    if (problems.length > 0) throw new RecipeError(firstOf(problems));
    const value: unknown = doc.toJS({ maxAliasCount: MAX_ALIASES });
    if (value === null || value === undefined) return { file, value: {}, where: () => `${named}:1:1` };
    if (!isRecord(value))
      throw new RecipeError([`${at(doc.contents?.range?.[0] ?? 0)}: expected a map of settings, got ${show(value)}`]);
    refuseForeign(value, named);
    return { file, value: withNames(value), where: (path, aim) => at(offsetOf(doc, path, aim)) };
  } catch (error) {
    if (error instanceof RecipeError) throw error;
    throw new RecipeError([`${named}:1:1: yaml: ${oneLine(error)}`]);
  }
}

/** Shorten the problems of text that is not YAML, which all have one cause. */
function firstOf(problems: readonly string[]): readonly string[] {
  const more = problems.length - MAX_YAML_PROBLEMS;
  return more > 0 ? [...problems.slice(0, MAX_YAML_PROBLEMS), `and ${more} more problems`] : problems;
}

/** Refuse a file that is not a recipe without quoting it: it may be private. */
function refuseForeign(value: Record<string, unknown>, file: string): void {
  const known = [...keysAt([]), "extends"];
  const keys = Object.keys(value);
  if (keys.length <= MAX_UNKNOWN || keys.some((key) => known.includes(key))) return;
  throw new RecipeError([
    `${file}: expected a recipe, with settings such as ${known.slice(0, 3).join(", ")}; got a file of ${keys.length} other keys`,
  ]);
}

/** Expand a text in place of a section with a `name`: `model: resnet-20`. */
function withNames(value: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      typeof inner === "string" && keysAt([key]).includes("name") ? { name: inner } : inner,
    ]),
  );
}

/** Find the offset of the value at a path, or of the nearest map around it. */
function offsetOf(doc: Document.Parsed, path: Path, aim: Aim = "value"): number {
  let node: unknown = doc.contents;
  let offset = doc.contents?.range?.[0] ?? 0;
  for (const key of path) {
    const pair = isMap(node) ? node.items.find((p) => isScalar(p.key) && p.key.value === key) : undefined;
    const found = pair
      ? pair.value
      : isNode(node) && "items" in node
        ? (node.items as unknown[])[Number(key)]
        : undefined;
    if (pair === undefined && found === undefined) break;
    // The position of a map is that of its key.
    const target = aim === "key" || isMap(found) || !isNode(found) ? pair?.key : found;
    offset = (isNode(target) ? target.range?.[0] : undefined) ?? offset;
    node = found;
  }
  return offset;
}
