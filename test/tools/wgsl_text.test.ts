// Shaders in a bundle equal their files for the engine and the driver: same header, same specs, same code.
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { applySpec, readHeader, type SpecValue } from "../../src/gpu/wgsl.ts";
// @ts-expect-error plain JavaScript shared with the build
import * as tool from "../../tools/wgsl_text.mjs";
import { wgsl } from "../../tools/wgsl_vite.ts";

const expandIncludes = tool.expandIncludes as (text: string, from: string) => string;
const stripWgsl = tool.stripWgsl as (text: string, from: string) => string;
const wgslLinkedModule = tool.wgslLinkedModule as (path: string, partsOf: (path: string) => string) => string;
const wgslPartsModule = tool.wgslPartsModule as (path: string) => string;

const folder = resolve(import.meta.dirname, "../../shaders");
const listed = (sub: string) => readdirSync(join(folder, sub)).filter((f) => f.endsWith(".wgsl"));
const shaders = listed("");
const full = (file: string) => expandIncludes(readFileSync(join(folder, file), "utf8"), file);
const bare = (text: string) => stripWgsl(text, "test");

/** Names, types and defaults of the lines that a caller may specialise. */
function specs(text: string): { name: string; type: string | undefined; value: string }[] {
  const lines = text.matchAll(/^(?:const|alias)\s+(\w+)\s*(?::\s*(\w+))?\s*=\s*([^;]+);[^\n]*\/\/!spec/gm);
  const constants = [...lines].map(([, name, type, value]) => ({ name: name!, type, value: value! }));
  const functions = text.matchAll(/^fn (\w+)\([^\n]*\{ (?:return )?([^\n]*) \}[^\n]*\/\/!spec/gm);
  return [...constants, ...[...functions].map(([, name, value]) => ({ name: name!, type: "fn", value: value! }))];
}

/** A specialised text, or the name of what it was refused with (the words quote the line, comment and all). */
function specialised(file: string, text: string, spec: Record<string, SpecValue>): string {
  try {
    return bare(applySpec(file, text, spec));
  } catch (error) {
    return (error as Error).name;
  }
}

/** Evaluate the code of a module, given its imports. */
const run = (code: string, given: Record<string, string> = {}) =>
  new Function(...Object.keys(given), code)(...Object.values(given)) as unknown;

/** Link a module made for a bundle. Returns its default export and its import lines. */
function link(path: string): { text: string; imports: string[] } {
  const imports: string[] = [];
  const parts: Record<string, string> = {};
  const code = wgslLinkedModule(path, (file) => file).replace(
    /^import \{ (\w+) as (\w+) \} from (.+);\n/gm,
    (line, part: string, name: string, file: string) => {
      imports.push(line);
      const module = wgslPartsModule(JSON.parse(file) as string).replace(/^export /gm, "");
      parts[name] = run(`${module} return ${part};`) as string;
      return "";
    },
  );
  return { text: run(code.replace("export default", "return"), parts) as string, imports };
}

describe.each(shaders)("%s", (file) => {
  const text = full(file);
  const short = bare(text);

  test("stripped, it has the same code, header and specs", () => {
    // WGSL's tokens: longest match first.
    const marks = /\w+|<<=|>>=|->|&&|\|\||\+\+|--|<<|>>|[-+*/%&|^=!<>]=|\S/g;
    const code = (t: string) => t.replace(/\/\/[^\n]*/g, "").match(marks);
    expect(code(short)).toEqual(code(text));
    expect(readHeader(file, short)).toEqual(readHeader(file, text));
    expect(specs(short)).toEqual(specs(text));
  });

  test("stripped, it gives the same text after specs and unrolled loops", () => {
    expect(specialised(file, short, {})).toBe(specialised(file, text, {}));
    const known = specs(text);
    const refused = (t: string) => () => applySpec(file, t, { no_such_name: 1 });
    const names = `expected one of ${known.map((s) => s.name).join(", ") || "none"}, got no_such_name`;
    expect(refused(short)).toThrow(names);
    expect(refused(text)).toThrow(names);
    const value = (type: string | undefined): fc.Arbitrary<SpecValue> =>
      type === "bool"
        ? fc.boolean()
        : type === "f32"
          ? fc.double({ noNaN: true, min: -9, max: 9 })
          : type
            ? type === "fn"
              ? fc.constantFrom("v", "let w = v; return w;")
              : fc.integer({ min: 1, max: 5 })
            : fc.constantFrom("f32", "vec4<f32>");
    const spec = fc.record(Object.fromEntries(known.map((s) => [s.name, value(s.type)])), {
      requiredKeys: [],
    }) as fc.Arbitrary<Record<string, SpecValue>>;
    fc.assert(
      fc.property(spec, (given) => {
        expect(specialised(file, short, given)).toBe(specialised(file, text, given));
      }),
      { numRuns: 3 },
    );
  });

  test("stripped, it is shorter, and stripping it again changes nothing", () => {
    expect(short.length).toBeLessThan(text.length);
    expect(bare(short)).toBe(short);
    expect(short.replace(/\/\/!(?:spec|unroll)$/gm, "")).not.toMatch(/\/\/|^ |\n\n|[ \t]$/m);
  });

  test("linked from its own text and its includes, it equals the stripped full text", () => {
    expect(link(join(folder, file)).text).toBe(short);
  });
});

test("each include is imported once, also a nested one", () => {
  let nested = 0;
  for (const file of shaders) {
    const { imports } = link(join(folder, file));
    expect(new Set(imports).size).toBe(imports.length);
    const own = readFileSync(join(folder, file), "utf8").match(/^\/\/!include/gm)?.length ?? 0;
    if (imports.length > own) nested++;
  }
  expect(nested).toBeGreaterThan(0);
});

test.each([
  ["a mark loses its words", "const A: u32 = 1u;   //!spec   wide\n", "const A: u32 = 1u;//!spec\n"],
  ["a mark may follow words", "const A: u32 = 1u; // m //!spec\n", "const A: u32 = 1u;//!spec\n"],
  ["of a loop, it stands first", "for (;;) { // no //!unroll\n", "for(;;){\n"],
  ["words about marks go", "// told by //!spec\n//!unroll\nfn f() {}\n", "fn f(){}\n"],
  [
    "what is not at the margin stays off it",
    "fn f() {\n  const A = 1;\n  let b = A;\n}\n",
    "fn f(){const A=1;let b=A;}\n",
  ],
  ["blanks go from between marks", "  a[i + 1] = b * (c - d) / e;\n", "a[i+1]=b*(c-d)/e;\n"],
  [
    "not where the marks would become one",
    "  a = vec2<f32> = - -b / *c;\n  d = e << 1 >= f & &g;\n",
    "a=vec2<f32> =- -b/ *c;\nd=e<<1>=f& &g;\n",
  ],
  [
    "nor where templates are read",
    "const A: u32 = 1 + 2;\n  for (;;) { //!unroll\n",
    "const A: u32 = 1 + 2;\nfor (;;) {//!unroll\n",
  ],
  ["no last line break is needed", "fn f() {} // end", "fn f(){}\n"],
])("%s", (_what, text, short) => {
  expect(bare(text)).toBe(short);
  expect(bare(short)).toBe(short);
});

test("refuses a block comment with its line, unless inside a line comment", () => {
  expect(() => stripWgsl("let a = 1; /* one */", "x.wgsl")).toThrow("x.wgsl: expected only // comments, got /*");
  expect(bare("let a = 1; // a /* b\n")).toBe("let a=1;\n");
});

test("the server returns the file with its includes, a build the linked module", () => {
  const watched: string[] = [];
  const context = { addWatchFile: (path: string) => watched.push(path) };
  const path = join(folder, "conv2d.wgsl");
  wgsl.configResolved({ command: "serve" });
  expect(wgsl.load.call(context, path)?.code).toBe(`export default ${JSON.stringify(full("conv2d.wgsl"))};\n`);
  expect(watched).toContain(join(folder, "lib/index.wgsl"));
  wgsl.configResolved({ command: "build" });
  expect(wgsl.load.call(context, path)?.code).toBe(wgslLinkedModule(path, (file) => `${file}?parts`));
  const lib = join(folder, "lib/index.wgsl");
  expect(wgsl.load.call(context, `${lib}?parts`)?.code).toBe(wgslPartsModule(lib));
  expect(wgsl.load.call(context, join(folder, "conv2d.ts"))).toBeUndefined();
});
