// Runs the benchmark command: lists, refusals, written files, and an interrupt.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { formatResults, parseResults } from "../../bench/lib/results.ts";
import { kernelResult, sample, variant } from "./sample.ts";

const root = resolve(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "espalier-bench-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const at = (name: string) => join(folder, name);

/** Runs it; interrupts once when its progress lines match `interruptAt`. */
function bench(
  args: readonly string[],
  interruptAt?: RegExp,
): Promise<{ code: number | null; out: string; err: string }> {
  return new Promise((done) => {
    const flags = ["--import", "tsx", "--import", "./tools/wgsl_node.mjs", "bench/main.ts", ...args];
    const child = spawn(process.execPath, flags, { cwd: root });
    let [out, err, sent] = ["", "", false];
    child.stdout.on("data", (chunk) => {
      out += chunk;
    });
    child.stderr.on("data", (chunk) => {
      err += chunk;
      if (sent || !interruptAt?.test(err)) return;
      sent = true;
      child.kill("SIGINT");
    });
    child.on("close", (code) => done({ code, out, err }));
  });
}

describe("the bench command", () => {
  test("lists the cases that match a filter", async () => {
    const { code, out } = await bench(["--list", "softmax [128,10]"]);
    expect(code).toBe(0);
    expect(out.trim().split("\n")).toContain("softmax cross entropy [128,10]");
    expect(out).not.toContain("matmul");
    const none = await bench(["no such case"]);
    expect(none.code).toBe(2);
    expect(none.err).toMatch(/no case matches "no such case"/);
  });

  test("compares two files and reports what is wrong with others", async () => {
    const write = (name: string, ms: number) =>
      writeFileSync(at(name), formatResults(sample([kernelResult("matmul", "512", [variant("auto", ms)])])));
    write("a.json", 10);
    write("b.json", 5);
    const { code, out } = await bench(["compare", at("a.json"), at("b.json")]);
    expect(code).toBe(0);
    expect(out).toMatch(/B is 2\.00x as fast as A \(geometric mean of 1\); 1 faster and 0 slower/);
    writeFileSync(at("other.json"), "{}");
    const wrong = await bench(["compare", at("a.json"), at("other.json")]);
    expect(wrong.code).toBe(1);
    expect(wrong.err).toMatch(/other\.json: format: expected .* got no format/);
    expect(wrong.err).not.toMatch(/ at /);
  });

  test("measures, prints a table, and writes JSON and the picture", async () => {
    const args = ["softmax [128,10]", "--rounds", "3", "--json", at("run.json"), "--svg", at("run.svg")];
    const { code, out } = await bench(args);
    expect(code).toBe(0);
    expect(out).toMatch(/fused +\| +\d/);
    const results = parseResults(readFileSync(at("run.json"), "utf8"), "run.json");
    expect(results.complete).toBe(true);
    expect(results.cases.map((c) => c.kind)).toEqual(["kernel", "kernel", "kernel"]);
    expect(readFileSync(at("run.svg"), "utf8")).toContain("softmax (3)");
  });

  test("keeps its results when it is interrupted", async () => {
    const args = ["softmax", "--rounds", "3", "--json", at("part.json")];
    const { code, err } = await bench(args, /\[2\/\d+\]/);
    expect(code).toBe(130);
    expect(err).toMatch(/stopping after this round/);
    const results = parseResults(readFileSync(at("part.json"), "utf8"), "part.json");
    expect(results.complete).toBe(false);
    expect(results.cases.length).toBeGreaterThanOrEqual(1);
    expect(results.cases.length).toBeLessThan(5);
  });
});
