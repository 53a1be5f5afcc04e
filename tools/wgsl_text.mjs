// Turns WGSL text into an ES module that exports it as a string, with `//!include "file"` lines pasted.
// One function serves the Vite plugin (vite.config.ts) and the Node loader hook (wgsl_hooks.mjs).
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const shaders = resolve(dirname(fileURLToPath(import.meta.url)), "../shaders");

/** Pastes every `//!include "lib/x.wgsl"` of `text` (paths are relative to shaders/), each file once. */
export function expandIncludes(text, from, seen = new Set()) {
  return text.replace(/^\/\/!include "([^"]+)"[^\n]*\n?/gm, (_line, name) => {
    const path = resolve(shaders, name);
    if (seen.has(path)) return "";
    seen.add(path);
    let included;
    try {
      included = readFileSync(path, "utf8");
    } catch {
      throw new Error(`${from}: //!include "${name}" names no file under shaders/`);
    }
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
