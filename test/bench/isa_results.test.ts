// Results of bench:isa: JSON, table, comparison and options.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { compareIsa, comparisonTable } from "../../bench/isa/compare.ts";
import { readGpus } from "../../bench/isa/gpus.ts";
import type { KernelRecord } from "../../bench/isa/record.ts";
import { formatIsa, type IsaResults, readIsa } from "../../bench/isa/results.ts";
import { matchesFilters } from "../../bench/isa/steps.ts";
import { isaTable, nameOf } from "../../bench/isa/table.ts";

const STAGE: NonNullable<KernelRecord["stage"]> = {
  instructions: 1460,
  adds: 512,
  matrix: 0,
  packed: 0,
  share: 0.351,
  innerShare: 0.851,
  loads: "24x32",
  inFlight: 1,
  waits: 24,
  sharedLoads: 96,
  sharedStores: 24,
  multiplications: 98,
  divisions: 3,
  cycles: 0,
};

const record = (kernel: string, more: Partial<KernelRecord> = {}): KernelRecord => ({
  kernel,
  spec: ["EACH=8", "RELU=true", "WIDE=false"],
  steps: ["resnet-20 training f32"],
  lanes: 64,
  sharedBytes: 6144,
  registers: 72,
  spills: 0,
  scratch: 0,
  waves: 10,
  instructions: 2793,
  cycles: 65752,
  cyclesPerAdd: 128.4,
  stage: STAGE,
  banks: [],
  ...more,
});

const results = (...kernels: KernelRecord[]): IsaResults => ({
  format: 1,
  gpu: "amd navi31",
  mesa: "26.2.6-1",
  started: "2026-11-30T12:00:00Z",
  commit: "abc",
  kernels,
});

test("a name in a table leaves out false values and the word true", () => {
  expect(nameOf(record("conv2d"))).toBe("conv2d EACH=8 RELU");
});

test("a table has a line per kernel and escapes bars", () => {
  const lines = isaTable(results(record("conv2d"), record("unary", { spec: ["f=a || b"], stage: null }))).split("\n");
  expect(lines).toHaveLength(6);
  expect(lines[4]).toContain("| 1460 | 512 35 % | 85 % |");
  expect(lines[5]).toContain("a \\|\\| b");
});

test("JSON has a line per kernel and is read back", async () => {
  const folder = await mkdtemp(join(tmpdir(), "espalier-isa-test-"));
  try {
    const file = join(folder, "a.json");
    const written = results(record("conv2d"), record("lif"));
    const text = formatIsa(written);
    expect(text.split("\n").filter((line) => line.includes('"kernel":'))).toHaveLength(2);
    await writeFile(file, text);
    expect(await readIsa(file)).toEqual(written);
    await writeFile(file, "{}");
    await expect(readIsa(file)).rejects.toThrow("a.json: expected JSON of bench:isa with format 1, got another file");
    await writeFile(file, "text");
    await expect(readIsa(file)).rejects.toThrow("a.json: expected JSON of bench:isa, got other text");
    await expect(readIsa(join(folder, "none.json"))).rejects.toThrow("none.json: cannot be read (ENOENT)");
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("a comparison has the figures that differ, and names kernels of one side", () => {
  const after = record("conv2d", { waves: 12, stage: { ...STAGE, waits: 1, share: 0.66 } });
  const comparison = compareIsa(
    results(record("conv2d"), record("lif"), record("old")),
    results(after, record("lif"), record("new")),
  );
  expect(comparison.changed).toEqual([
    { name: "conv2d EACH=8 RELU", figures: { waves: "10 -> 12", "FMA %": "35 -> 66", waits: "24 -> 1" } },
  ]);
  expect(comparison.equal).toBe(1);
  expect(comparison.onlyA.map(({ kernel }) => kernel)).toEqual(["old"]);
  expect(comparison.onlyB.map(({ kernel }) => kernel)).toEqual(["new"]);
  expect(comparisonTable(comparison)).toContain("1 kernels changed, 1 equal, 1 only in A, 1 only in B");
});

test("results of different GPUs are not compared", () => {
  const other = { ...results(), gpu: "nvidia 0x172" };
  expect(() => compareIsa(results(), other)).toThrow("expected results of one GPU, got amd navi31 and nvidia 0x172");
});

test("GPUs are read by name, with a model after a colon", () => {
  expect(readGpus("amd,nvidia:0x192")).toEqual([
    { vendor: "amd", model: "navi31" },
    { vendor: "nvidia", model: "0x192" },
  ]);
  expect(readGpus("all").map(({ vendor }) => vendor)).toEqual(["amd", "nvidia", "apple", "adreno"]);
  expect(() => readGpus("intel")).toThrow('--gpu: expected all, amd, nvidia, apple, adreno, got "intel"');
  expect(() => readGpus("apple:m2")).toThrow("--gpu: apple has one model, got m2");
});

test("a filter needs all of its words; one of several filters is enough", () => {
  expect(matchesFilters("conv2d EACH=8;", [])).toBe(true);
  expect(matchesFilters("conv2d EACH=8;", ["conv2d EACH=4", "lif"])).toBe(false);
  expect(matchesFilters("conv2d EACH=8;", ["lif", "conv2d EACH=8"])).toBe(true);
});
