// One base for all errors: every class of the sources descends from it, and `instanceof` works for all.
import { readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { ArgumentError, EspalierError } from "../../src/text/index.ts";

const source = resolve(import.meta.dirname, "../../src");
const files = readdirSync(source, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));

/** The error classes of the sources with their parents. */
const parents = new Map(
  files.flatMap((name) =>
    [...readFileSync(resolve(source, name), "utf8").matchAll(/class (\w+) extends (\w*Error)\b/g)].map(
      ([, own, parent]) => [own!, parent!] as const,
    ),
  ),
);

describe("errors", () => {
  test("every error class of the sources descends from EspalierError", () => {
    expect(parents.size).toBeGreaterThan(25);
    expect([...parents].filter(([, parent]) => parent === "Error").map(([own]) => own)).toEqual(["EspalierError"]);
    expect([...parents].filter(([, parent]) => parent === "RangeError").map(([own]) => own)).toEqual(["ArgumentError"]);
    const known = new Set([...parents.keys(), "Error", "RangeError"]);
    expect([...parents.values()].filter((parent) => !known.has(parent))).toEqual([]);
  });

  test("every error class that a module exports is an EspalierError at run time", async () => {
    const modules = await Promise.all([
      import("../../src/internal.ts"),
      import("../../src/node_internal.ts"),
      import("../../src/images/index.ts"),
      import("../../src/export/index.ts"),
      import("../../src/terminal/fail.ts"),
    ]);
    const prototypes = modules
      .flatMap((module) => Object.values(module) as unknown[])
      .flatMap((value) => (typeof value === "function" ? [value.prototype as unknown] : []))
      .filter((prototype) => prototype instanceof Error);
    expect(prototypes.length).toBeGreaterThan(20);
    for (const prototype of prototypes) expect(Object.create(prototype as object)).toBeInstanceOf(EspalierError);
  });

  test("functions refuse arguments with an ArgumentError, which is a RangeError too", () => {
    const error = new ArgumentError("keep: expected a number >= 1, got 0");
    expect([error instanceof EspalierError, error instanceof RangeError, error.name]).toEqual([
      true,
      true,
      "ArgumentError",
    ]);
    expect(new EspalierError("x") instanceof ArgumentError).toBe(false);
    expect(new RangeError("Invalid array length") instanceof EspalierError).toBe(false);
  });

  test("the sources throw no bare RangeError or TypeError", () => {
    const throwers = files.filter((name) =>
      /new (RangeError|TypeError)\(/.test(readFileSync(resolve(source, name), "utf8")),
    );
    expect(throwers).toEqual([]);
  });
});
