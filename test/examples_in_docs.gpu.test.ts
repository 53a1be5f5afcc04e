// The examples in doc comments run, and print what their comments say.
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
// The compiler of the documentation tools: TypeScript 7 has no JavaScript API.
import type TypeScript from "../docs/node_modules/typescript/lib/typescript.js";
import * as data from "../src/entries/data.ts";
import * as io from "../src/entries/io.ts";
import * as models from "../src/entries/models.ts";
import * as optim from "../src/entries/optim.ts";
import * as prune from "../src/entries/prune.ts";
import * as spiking from "../src/entries/spiking.ts";
import * as wgsl from "../src/entries/wgsl.ts";
import * as exporters from "../src/export/index.ts";
import * as espalier from "../src/index.ts";
import * as node from "../src/node.ts";
import { canRun, type DocExample, readDocExamples } from "./support/doc_examples.ts";

const root = resolve(import.meta.dirname, "..");
const ts = createRequire(join(root, "docs/package.json"))("typescript") as typeof TypeScript;

const ENTRIES: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  espalier,
  "espalier/data": data,
  "espalier/io": io,
  "espalier/prune": prune,
  "espalier/optim": optim,
  "espalier/spiking": spiking,
  "espalier/models": models,
  "espalier/wgsl": wgsl,
  "espalier/export": exporters,
  "@espalier/node": node,
};

/** Return the text of a printed value: lists without brackets, as the comments of examples write them. */
function shown(value: unknown): string {
  if (ArrayBuffer.isView(value) || Array.isArray(value))
    return Array.from(value as ArrayLike<unknown>, String).join(", ");
  return typeof value === "object" && value !== null ? JSON.stringify(value) : String(value);
}

/** Return true if a line has the numbers of a comment, to the digits shown there. */
function sameNumbers(line: string, comment: string): boolean {
  const NUMBER = /-?\d+(?:\.\d+)?(?:e[-+]?\d+)?/g;
  const [got, expected] = [line.match(NUMBER) ?? [], comment.match(NUMBER) ?? []];
  return (
    got.length === expected.length &&
    expected.every((text, i) => {
      const digits = text.split(".")[1]?.length ?? 0;
      return Math.abs(Number(got[i]) - Number(text)) <= 0.51 * 10 ** -digits;
    })
  );
}

/** Run an example. Returns each printed line with the comment behind its `console.log`, if that is a value. */
async function run({ code, imports }: DocExample): Promise<{ line: string; comment: string }[]> {
  const names = [...imports].flatMap(([entry, all]) =>
    all.filter((name) => name in ENTRIES[entry]!).map((name) => [entry, name]),
  );
  const { outputText } = ts.transpileModule(`const main = async () => {\n${code}\n};`, {
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
  });
  const printed: string[] = [];
  const log = (...values: unknown[]) => void printed.push(values.map(shown).join(" "));
  const script = `"use strict";\n${outputText.replace("export {};", "")}\nreturn main;`;
  const make = new Function("console", ...names.map(([, name]) => name!), script);
  using _scope = new espalier.Scope();
  espalier.manualSeed(0);
  await make({ log }, ...names.map(([entry, name]) => ENTRIES[entry!]![name!]))();
  const calls = [...code.matchAll(/console\.log\(.*\);(?: \/\/ (.*))?/g)].map(([, comment]) => comment ?? "");
  if (calls.length !== printed.length) return printed.map((line) => ({ line, comment: "" }));
  return printed.map((line, i) => ({ line, comment: calls[i]! }));
}

const examples = readDocExamples().filter(canRun);

test.each(examples.map((example) => [`${example.name} (${example.label})`, example] as const))(
  "%s",
  async (_, example) => {
    for (const { line, comment } of await run(example)) {
      if (comment === "" || comment.includes("...")) continue;
      if (/^[-\d\s.,e+[\]]+$/.test(comment))
        expect(sameNumbers(line, comment), `expected ${comment}, got ${line}`).toBe(true);
      else if (/^(?:true|false|null|"[^"]*")$/.test(comment)) expect(line).toBe(comment.replaceAll('"', ""));
    }
  },
);

test("compares the numbers of a comment to the digits shown", () => {
  expect(sameNumbers("1.2247, -3", "1.22, -3")).toBe(true);
  expect(sameNumbers("1.2347, -3", "1.22, -3")).toBe(false);
  expect(sameNumbers("1, 2", "1, 2, 3")).toBe(false);
});
