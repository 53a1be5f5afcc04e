// The shader library for own kernels: its files, and how their text is pasted.
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { pasteIncludes, wgslLibrary } from "../src/entries/wgsl.ts";
import { kernel, readHeader } from "../src/gpu/index.ts";
// @ts-expect-error plain JavaScript shared with the build
import * as tool from "../tools/wgsl_text.mjs";

const expandIncludes = tool.expandIncludes as (text: string, from: string) => string;
const shaders = resolve(import.meta.dirname, "../shaders");

test("holds every file of shaders/lib", () => {
  const files = readdirSync(join(shaders, "lib")).map((file) => `lib/${file}`);
  expect(Object.keys(wgslLibrary).sort()).toEqual(files.sort());
});

test("pastes every shader of the engine as the build does", () => {
  for (const file of readdirSync(shaders).filter((name) => name.endsWith(".wgsl"))) {
    const text = readFileSync(join(shaders, file), "utf8");
    const pasted = pasteIncludes(text);
    const built = expandIncludes(text, file);
    const bare = (text: string) => text.replace(/\/\/.*/g, "").replace(/\s/g, "");
    expect(bare(pasted), file).toBe(bare(built));
    expect(readHeader(file, pasted)).toEqual(readHeader(file, built));
  }
});

test("pastes own files, each once, before or in place of those of the library", () => {
  const files = {
    "a.wgsl": '//!include "b.wgsl"\nconst A = 1;',
    "b.wgsl": "const B = 2;",
    "lib/index.wgsl": "const I = 3;",
  };
  const text = '  //!include "a.wgsl"\n//!include "b.wgsl" again\n//!include "lib/index.wgsl"\nfn main() {}';
  expect(pasteIncludes(text, files)).toBe("const B = 2;\nconst A = 1;\nconst I = 3;\nfn main() {}");
});

test("refuses a name that no file has, and a kernel with a line that was not pasted", () => {
  expect(() => pasteIncludes('//!include "lib/indexx.wgsl"')).toThrow(
    /^kernel \(text\): \/\/!include: expected one of lib\/adam_step\.wgsl, .*, got "lib\/indexx\.wgsl"$/,
  );
  expect(() => pasteIncludes('//!include "a"', { a: '//!include "toString"' })).toThrow(
    "kernel a: //!include: expected",
  );
  expect(() => kernel("demo", 'const A = 1;\n//!include "lib/index.wgsl"\n')).toThrow(
    'kernel demo: //!include "lib/index.wgsl": expected the text of the file: apply pasteIncludes of espalier/wgsl',
  );
});
