// `npm run bench:gpu` with a small budget, and its bundle.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import type { GpuReport } from "../../bench/gpu/report.ts";

const root = join(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "espalier-bench-gpu-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const node = (cwd: string, ...args: string[]) => spawnSync(process.execPath, args, { cwd, encoding: "utf8" });
const LOADERS = ["--import", "tsx", "--import", "./tools/wgsl_node.mjs"];

test("a run keeps its budget, and writes what it measured and what it skipped", () => {
  const file = join(folder, "gpu.json");
  const { status, stderr } = node(root, ...LOADERS, "bench/gpu/main.ts", "--small", "--budget", "12", "--out", file);
  expect(stderr).toContain("results: ");
  expect(status).toBe(0);
  const report = JSON.parse(readFileSync(file, "utf8")) as GpuReport;
  expect(report).toMatchObject({ format: "espalier-gpu/1", complete: true, budget: 12 });
  expect(report.doctor).not.toBeNull();
  expect(report.gauge?.fmaGFlops).toBeGreaterThan(0);
  expect(report.overhead?.dispatchUs).toBeGreaterThan(0);
  expect(report.skipped.length).toBeGreaterThan(0);
});

test("a budget below ten seconds is refused", () => {
  const { status, stderr } = node(root, ...LOADERS, "bench/gpu/main.ts", "--budget", "5");
  expect(stderr).toContain("expected seconds >= 10");
  expect(status).toBe(1);
});

test("the bundle runs without the packages of the checkout", () => {
  const built = node(root, ...LOADERS, "tools/build_bench.ts", folder);
  expect(built.stderr).toBe("");
  expect(built.status).toBe(0);
  const { status, stdout } = node(folder, "gpu.js", "--help");
  expect(stdout).toContain("--budget <seconds>");
  expect(status).toBe(0);
});
