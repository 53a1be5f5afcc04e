// Turns WGSL text into an ES module that exports it as a string, with `//!include "file"` lines pasted.
// Node and the development server get the full text; bundles get it without comments, each include stored once.
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const shaders = resolve(dirname(fileURLToPath(import.meta.url)), "../shaders");
const INCLUDE = /^\/\/!include "([^"]+)"[^\n]*\n?/gm;
// Words that the template reader in src/gpu recognises only at the start of a line.
const MARGIN = /^(?:const|alias|enable|diagnostic)\b/;

/** Read the file that `//!include "name"` in `from` names. */
function openInclude(name, from) {
  const path = resolve(shaders, name);
  try {
    return { path, text: readFileSync(path, "utf8") };
  } catch {
    throw new Error(`${from}: //!include "${name}" names no file under shaders/`);
  }
}

/** Paste every `//!include "lib/x.wgsl"` of `text` (paths are relative to shaders/), each file once. */
export function expandIncludes(text, from, seen = new Set()) {
  return text.replace(INCLUDE, (_line, name) => {
    const { path, text: included } = openInclude(name, from);
    if (seen.has(path)) return "";
    seen.add(path);
    return expandIncludes(included, path, seen);
  });
}

/** List the files that `text` includes, directly or indirectly, for a watcher. */
export function includedFiles(text, from) {
  const seen = new Set();
  expandIncludes(text, from, seen);
  return [...seen];
}

/** Return an ES module whose default export is the shader's text. */
export function wgslModule(path) {
  return `export default ${JSON.stringify(expandIncludes(readFileSync(path, "utf8"), path))};\n`;
}

/** Return an ES module whose default export is the shader's own text: with its `//!include` lines, which nothing pastes. */
export function wgslRawModule(path) {
  const parts = wgslParts(path).map((part) => (typeof part === "string" ? part : `//!include "${part.name}"\n`));
  return `export default ${JSON.stringify(parts.join(""))};\n`;
}

/** Return the mark that the engine reads from a comment: `//!unroll` at its start, `//!spec` anywhere in it. */
const markOf = (comment) =>
  comment.startsWith("//!unroll") ? "//!unroll" : comment.includes("//!spec") ? "//!spec" : "";

/** Tokens of WGSL, longest match first. */
const PIECES = /[\w.]+|<<=|>>=|->|&&|\|\||\+\+|--|<<|>>|\/[/*]|[-+*/%&|^=!<>]=|\S/g;

/** Return true if two pieces are another token when they are written together. */
const joins = (a, b) => (a + b).match(PIECES)?.length !== 2;

/** Remove all blanks that do not separate tokens. */
function withoutBlanks(line) {
  const pieces = line.match(PIECES) ?? [];
  return pieces.reduce((done, piece, i) => done + (i > 0 && joins(pieces[i - 1], piece) ? " " : "") + piece, "");
}

/**
 * Remove comments, indentation, empty lines, and most blanks. The marks `//!spec` and `//!unroll` stay, without the text
 * after them. Line breaks stay outside of functions and structs, and after marks, since `//!spec` applies to its line; so do the
 * blanks of such lines and of unindented declarations, which the template reader matches with patterns.
 */
export function stripWgsl(text, from) {
  const lines = [];
  for (const line of text.split("\n")) {
    const at = line.indexOf("//");
    const code = at < 0 ? line : line.slice(0, at);
    if (code.includes("/*")) throw new Error(`${from}: expected only // comments, got /*: ${line.trim()}`);
    const bare = code.trim();
    if (bare === "") continue;
    const mark = at < 0 ? "" : markOf(line.slice(at));
    const margin = MARGIN.test(bare);
    const inside = /^\s/.test(code) && margin ? " " : "";
    const keeps = mark !== "" || (margin && inside === "");
    lines.push(`${inside}${keeps ? bare : withoutBlanks(bare)}${mark}`);
  }
  return joinLines(lines);
}

/** Join the lines of functions and structs. */
function joinLines(lines) {
  let text = "";
  let depth = 0;
  for (const [i, line] of lines.entries()) {
    // The blank before a const matters at the start of a line only.
    text += text === "" || text.endsWith("\n") ? line : line.trimStart();
    for (const letter of line) depth += letter === "{" ? 1 : letter === "}" ? -1 : 0;
    const next = lines[i + 1];
    if (depth === 0 || next === undefined || line.includes("//!")) text += "\n";
    else if (joins(line.match(PIECES).at(-1), next.match(PIECES)[0])) text += " ";
  }
  return text;
}

/** Split a file's stripped text at its includes: [text, { name }, text, ...]. */
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
 * List the pieces of a shader's stripped text in order: its own text, and numbered parts of the files that it includes,
 * directly or indirectly, each file once. Joined they equal `stripWgsl(expandIncludes(text))`.
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

/** Return an ES module whose exports are the parts of an included file, by number: `p0`, `p2`. */
export function wgslPartsModule(path) {
  const parts = wgslParts(path).map((part, number) =>
    typeof part === "string" && part !== "" ? { part, number } : undefined,
  );
  return parts.map((p) => (p ? `export const p${p.number} = ${JSON.stringify(p.part)};\n` : "")).join("");
}

/**
 * Return an ES module whose default export is the shader's stripped text. It imports included files from the specifiers
 * that `partsOf` returns (modules made by wgslPartsModule), so a bundle holds each of them once.
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
