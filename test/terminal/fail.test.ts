// Reports of errors: which errors are expected, the text of the others, and the exit codes.
import { readdirSync } from "node:fs";
import { afterEach, describe, expect, test, vi } from "vitest";
import { GpuLostError } from "../../src/gpu/index.ts";
import { KeyMapError } from "../../src/io/index.ts";
import { FileError } from "../../src/node_internal.ts";
import { Interrupted, isExpected, report, UsageError } from "../../src/terminal/fail.ts";
import { ArgumentError } from "../../src/text/index.ts";

function reported(error: unknown, debug = ""): { code: number; err: string } {
  vi.stubEnv("ESPALIER_DEBUG", debug);
  let err = "";
  const spy = vi.spyOn(process.stderr, "write").mockImplementation((chunk) => {
    err += chunk;
    return true;
  });
  const code = report(error);
  spy.mockRestore();
  return { code, err };
}
afterEach(() => vi.unstubAllEnvs());

describe("an expected error", () => {
  test.each([
    [new UsageError("--out: expected a folder, got a file"), 2],
    [new GpuLostError("the device was lost"), 1],
    [new FileError("r/x: cannot write"), 1],
    [new ArgumentError("keep: expected a number >= 1, got 0"), 1],
    [new KeyMapError('keys "a" and "b" would both be "c"'), 1],
  ])("%s is one line", (error, code) => {
    expect(reported(error)).toEqual({ code, err: `espalier: ${error.message}\n` });
  });

  test("may be a refusal of the operating system", () => {
    const error = (() => {
      try {
        readdirSync("/nowhere/at/all");
      } catch (cause) {
        return cause as Error;
      }
      throw new Error("the folder is there");
    })();
    expect(isExpected(error)).toBe(true);
  });
});

describe("an unexpected error", () => {
  class Foreign extends Error {}
  test.each([
    new TypeError("x is null"),
    new RangeError("Maximum call stack size exceeded"),
    new Error("odd"),
    new SyntaxError("Unexpected token"),
    new Foreign("an error class of a package"),
  ])("%s", (error) => {
    const { code, err } = reported(error);
    const lines = err.trimEnd().split("\n");
    expect(code).toBe(1);
    expect(lines).toHaveLength(2);
    expect(lines[0]).toBe(`espalier: unexpected error: ${error.name}: ${error.message}`);
    expect(lines[1]).toMatch(/Report it at .* command line.*config\.yaml.*espalier doctor.*ESPALIER_DEBUG=1/);
  });

  test("has its stack printed with ESPALIER_DEBUG", () => {
    expect(reported(new TypeError("x is null")).err).not.toMatch(/^\s+at /m);
    expect(reported(new TypeError("x is null"), "1").err).toMatch(/^\s+at /m);
    expect(reported(new UsageError("no"), "1").err).toMatch(/^\s+at /m);
  });

  test("may be a thrown value that is not an Error", () => {
    expect(reported("a string").err).toMatch(/^espalier: unexpected error: thrown value: a string\n/);
  });
});

test("an interrupt has the exit code of its signal", () => {
  expect(reported(new Interrupted("stopped"))).toEqual({ code: 130, err: "stopped\n" });
  expect(reported(new Interrupted("stopped", "SIGTERM")).code).toBe(143);
  expect(reported(new Interrupted("stopped", "SIGHUP")).code).toBe(129);
});
