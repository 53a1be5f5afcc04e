// Turns WGSL text into an ES module that exports it as a string, with `//!include "file"` lines pasted.
// One text for Node and for development, as it lies; for bundles the same text without comments, each include held once.
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const shaders = resolve(dirname(fileURLToPath(import.meta.url)), "../shaders");
const INCLUDE = /^\/\/!include "([^"]+)"[^\n]*\n?/gm;
// Lines that mean something only where they begin at the margin, to the reader of templates in src/gpu.
const MARGIN = /^(?:const|alias|enable)\b/;

/** The text of the file that `//!include "name"` in `from` asks for, and its path. */
function openInclude(name, from) {
  const path = resolve(shaders, name);
  try {
    return { path, text: readFileSync(path, "utf8") };
  } catch {
    throw new Error(`${from}: //!include "${name}" names no file under shaders/`);
  }
}

/** Pastes every `//!include "lib/x.wgsl"` of `text` (paths are relative to shaders/), each file once. */
export function expandIncludes(text, from, seen = new Set()) {
  return text.replace(INCLUDE, (_line, name) => {
    const { path, text: included } = openInclude(name, from);
    if (seen.has(path)) return "";
    seen.add(path);
    return expandIncludes(included, path, seen);
  });
}

/** The files that `text` includes, directly or not: what a watcher must follow. */
export function includedFiles(text, from) {
  const seen = new Set();
  expandIncludes(text, from, seen);
  return [...seen];
}

/** ES module source whose default export is the shader's text. */
export function wgslModule(path) {
  return `export default ${JSON.stringify(expandIncludes(readFileSync(path, "utf8"), path))};\n`;
}

/** What the engine reads from a comment when it runs: `//!unroll` at its beginning, `//!spec` anywhere in it. */
const markOf = (comment) =>
  comment.startsWith("//!unroll") ? "//!unroll" : comment.includes("//!spec") ? "//!spec" : "";

/** How WGSL cuts a line into words and marks: the longest that it knows, from the left. */
const PIECES = /[\w.]+|<<=|>>=|->|&&|\|\||\+\+|--|<<|>>|\/[/*]|[-+*/%&|^=!<>]=|\S/g;

/** The line with those blanks only that keep words and marks apart. */
function withoutBlanks(line) {
  const pieces = line.match(PIECES) ?? [];
  const joins = (a, b) => (a + b).match(PIECES)?.length !== 2;
  return pieces.reduce((done, piece, i) => done + (i > 0 && joins(pieces[i - 1], piece) ? " " : "") + piece, "");
}

/**
 * The text without comments, indentation, empty lines, and most blanks. The marks `//!spec` and `//!unroll` stay, without
 * the words after them. Line breaks stay too, since a `//!spec` line is a line; so do the blanks of such lines and of those
 * at the margin, which the reader of templates compares with patterns.
 */
export function stripWgsl(text, from) {
  const lines = [];
  for (const line of text.split("\n")) {
    const at = line.indexOf("//");
    const code = at < 0 ? line : line.slice(0, at);
    if (code.includes("/*"))
      throw new Error(`${from}: bundles know no /* block comments */, write // ones: ${line.trim()}`);
    const bare = code.trim();
    if (bare === "") continue;
    const mark = at < 0 ? "" : markOf(line.slice(at));
    const margin = MARGIN.test(bare);
    const inside = /^\s/.test(code) && margin ? " " : "";
    const keeps = mark !== "" || (margin && inside === "");
    lines.push(`${inside}${keeps ? bare : withoutBlanks(bare)}${mark}\n`);
  }
  return lines.join("");
}

/** A file's own text, stripped, cut where its includes stand: [text, { name }, text, ...]. */
export function wgslParts(path) {
  const text = readFileSync(path, "utf8");
  const parts = [];
  let from = 0;
  for (const match of text.matchAll(INCLUDE)) {
    parts.push(stripWgsl(text.slice(from, match.index), path), { name: match[1] });
    from = match.index + match[0].length;
  }
  parts.push(stripWgsl(text.slice(from), path));
  return parts;
}

/**
 * What a shader's stripped text is put together from, in order: its own text, and numbered parts of the files it includes,
 * directly or not, each file once. Joined they are `stripWgsl(expandIncludes(text))`.
 */
function sequence(path, root = path, seen = new Set()) {
  return wgslParts(path).flatMap((part, number) => {
    if (typeof part === "string") return part === "" ? [] : [{ path, number, text: part, own: path === root }];
    const { path: included } = openInclude(part.name, path);
    if (seen.has(included)) return [];
    seen.add(included);
    return sequence(included, root, seen);
  });
}

/** ES module source whose exports are the parts of an included file, by number: `p0`, `p2`. */
export function wgslPartsModule(path) {
  const parts = wgslParts(path).map((part, number) =>
    typeof part === "string" && part !== "" ? { part, number } : undefined,
  );
  return parts.map((p) => (p ? `export const p${p.number} = ${JSON.stringify(p.part)};\n` : "")).join("");
}

/**
 * ES module source whose default export is the shader's stripped text. Included files are imported by the address that
 * `partsOf` gives them (a module made by wgslPartsModule), so a bundle holds each of them once.
 */
export function wgslLinkedModule(path, partsOf) {
  const names = new Map(); // path -> number of the file
  const imports = [];
  const sum = sequence(path).map(({ path: file, number, text, own }) => {
    if (own) return JSON.stringify(text);
    if (!names.has(file)) names.set(file, names.size);
    const name = `f${names.get(file)}p${number}`;
    imports.push(`import { p${number} as ${name} } from ${JSON.stringify(partsOf(file))};\n`);
    return name;
  });
  return `${imports.join("")}export default ${sum.join(" + ") || '""'};\n`;
}
