// How a command ends badly: which errors are expected, what is printed of the rest, and the exit codes.
import { readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { GpuLostError } from "../../src/gpu/index.ts";
import { FileError } from "../../src/node.ts";
import { Interrupted, isExpected, report, UsageError } from "../../src/terminal/fail.ts";

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

describe("an error that was thrown on purpose", () => {
  test.each([
    [new UsageError("--out: expected a folder, got a file"), 2],
    [new GpuLostError("the device was lost"), 1],
    [new FileError("r/x: cannot write"), 1],
    [new RangeError("keep: expected a number >= 1, got 0"), 1],
  ])("%s is one line", (error, code) => {
    expect(reported(error)).toEqual({ code, err: `espalier: ${error.message}\n` });
  });

  test("a refusal of the system is one too", () => {
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

  test("every error class of the sources is expected, without a list of names", () => {
    const source = resolve(import.meta.dirname, "../../src");
    const classes = readdirSync(source, { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts"))
      .flatMap((name) => [...readFileSync(resolve(source, name), "utf8").matchAll(/class (\w+) extends (\w*Error)\b/g)])
      .map((match) => match[1]!);
    expect(classes.length).toBeGreaterThan(15);
    expect(classes).not.toContain("Error");
    class Own extends Error {}
    expect(isExpected(new Own("x"))).toBe(true);
  });
});

describe("an error that nobody foresaw", () => {
  test.each([new TypeError("x is null"), new Error("odd"), new SyntaxError("Unexpected token")])("%s", (error) => {
    const { code, err } = reported(error);
    const lines = err.trimEnd().split("\n");
    expect(code).toBe(1);
    expect(lines).toHaveLength(2);
    expect(lines[0]).toBe(`espalier: unexpected error: ${error.name}: ${error.message}`);
    expect(lines[1]).toMatch(/Report it at .* command line.*config\.yaml.*espalier doctor.*ESPALIER_DEBUG=1/);
  });

  test("its stack is printed where ESPALIER_DEBUG asks", () => {
    expect(reported(new TypeError("x is null")).err).not.toMatch(/^\s+at /m);
    expect(reported(new TypeError("x is null"), "1").err).toMatch(/^\s+at /m);
    expect(reported(new UsageError("no"), "1").err).toMatch(/^\s+at /m);
  });

  test("what is thrown need not be an error", () => {
    expect(reported("a string").err).toMatch(/^espalier: unexpected error: thrown value: a string\n/);
  });
});

test("an interrupt has the exit code of its signal", () => {
  expect(reported(new Interrupted("stopped"))).toEqual({ code: 130, err: "stopped\n" });
  expect(reported(new Interrupted("stopped", "SIGTERM")).code).toBe(143);
  expect(reported(new Interrupted("stopped", "SIGHUP")).code).toBe(129);
});
