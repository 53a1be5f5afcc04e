// No printed line holds a control character of a name: errors, notes, tables, JSON, progress, usage.

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { afterAll, describe, expect, test, vi } from "vitest";
import { SourceError } from "../../src/internal.ts";
import { writeSafetensors } from "../../src/io/safetensors.ts";
import { renderLayerTable } from "../../src/report/layer_table.ts";
import { report } from "../../src/terminal/fail.ts";
import { makeOutput } from "../../src/terminal/output.ts";
import { createProgress } from "../../src/terminal/progress.ts";
import { writeLine } from "../../src/terminal/terminal.ts";
import { espalierHere } from "../support/cli_here.ts";

const EVIL = "a\u001b]0;pwned\u0007\u001b[2J\u009b31m\u007f\r\u202eb\u2028c";
// biome-ignore lint/suspicious/noControlCharactersInRegex: the characters that must be absent
const UNSAFE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: colours are escapes
const OWN_COLORS = /\u001b\[\d+m/g;
const dir = mkdtempSync(join(tmpdir(), "lines-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** Capture the output of a call on both streams. */
function capture(call: () => unknown): { out: string; err: string } {
  const written = { out: "", err: "" };
  const watch = (stream: NodeJS.WriteStream, to: "out" | "err") =>
    vi.spyOn(stream, "write").mockImplementation((chunk) => {
      written[to] += String(chunk);
      return true;
    });
  const spies = [watch(process.stdout, "out"), watch(process.stderr, "err")];
  try {
    call();
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
  return written;
}

function expectClean(text: string): void {
  expect(text).not.toMatch(UNSAFE);
  expect(text.length).toBeGreaterThan(0);
}

describe("control characters are escaped", () => {
  test("in expected and unexpected errors, with and without a stack", () => {
    for (const debug of ["", "1"]) {
      const before = process.env["ESPALIER_DEBUG"];
      process.env["ESPALIER_DEBUG"] = debug;
      for (const error of [new SourceError(EVIL, EVIL, EVIL), new RangeError(EVIL), new TypeError(EVIL), EVIL]) {
        const { err } = capture(() => report(error));
        expectClean(err);
        expect(err).toContain("\\x1b]0;pwned\\x07\\x1b[2J\\x9b31m\\x7f\\r\\u202eb");
      }
      process.env["ESPALIER_DEBUG"] = before ?? "";
    }
  });
  test("in results and records", () => {
    const { out } = capture(() => makeOutput(false).say(EVIL));
    expectClean(out);
    const json = capture(() => makeOutput(true).emit({ kind: EVIL, [EVIL]: [EVIL] }));
    expectClean(json.out);
    expect(JSON.parse(json.out)).toEqual({ kind: EVIL, [EVIL]: [EVIL] });
  });
  test("in tables, also on a terminal with colours", () => {
    const layers = [{ name: EVIL, shape: [2, 2], zeros: 4 }];
    expectClean(renderLayerTable(layers, { screen: {} }));
    const colored = renderLayerTable(layers, { screen: { isTTY: true }, env: { TERM: "xterm" } });
    expectClean(colored.replaceAll(OWN_COLORS, ""));
  });
  test("in progress lines, above a bar and in a log", () => {
    for (const isTTY of [true, false]) {
      const stream = Object.assign(new PassThrough(), { isTTY, columns: 80 });
      const progress = createProgress({ label: EVIL, stream: stream as never, env: { TERM: "xterm" } });
      progress.update(1, 2, { [EVIL]: EVIL });
      progress.log(`skipped ${EVIL}`);
      progress.stop();
      const text = String(stream.read() ?? "");
      expect(text).toContain("skipped a\\x1b]0;pwned");
      expect(text).not.toContain("\u001b]0;");
      expect(text).not.toContain("\u009b");
      expect(text).not.toContain("\u202e");
    }
  });
  test("but line breaks stay", () => {
    const { out } = capture(() => writeLine(process.stdout, "a\n\tb"));
    expect(out).toBe("a\n\tb\n");
  });
});

describe("the command escapes", () => {
  test("names of images, models and flags", async () => {
    const weight = { dtype: "F32" as const, shape: [4, 4], data: new Float32Array(16) };
    const named = join(dir, "named.safetensors");
    writeFileSync(named, writeSafetensors(new Map([[EVIL.replace("\r", ""), weight]]), { model: EVIL, data: EVIL }));
    const runs: string[][] = [
      ["eval", named],
      ["predict", "--weights", named, "--input", join(dir, EVIL)],
      ["predict", "--weights", named, "--model", "lenet", "--input", join(dir, EVIL)],
      ["export", named, "--format", "onnx"],
      ["export", named, "--format", "onnx", "--model", "lenet", "--output", join(dir, "x.onnx")],
      ["train", EVIL],
      ["train", "--model", EVIL],
      ["train", `--${EVIL}`],
      ["train", "--resume", EVIL],
      ["compare", EVIL],
      ["trail", EVIL],
      ["pack", EVIL, "--out", join(dir, "packed")],
      [EVIL],
    ];
    for (const argv of runs) {
      const { code, err, out } = await espalierHere(argv);
      expect(code, argv.join(" ")).not.toBe(0);
      expectClean(err + out);
    }
  });
});

test("all output of the command goes through writeLine and writeText", () => {
  const folder = new URL("../../src/", import.meta.url);
  const rooms = /^(terminal|report|recipe|run|cli)\//;
  const writers = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter(
    (name) =>
      rooms.test(name) &&
      name.endsWith(".ts") &&
      /process\.std(out|err)\.write|console\.(log|error|warn)/.test(readFileSync(new URL(name, folder), "utf8")),
  );
  expect(writers.sort()).toEqual(["terminal/console.ts", "terminal/output.ts"]);
});
