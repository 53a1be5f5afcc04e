// `espalier trail`: the rules, the table, the figure, the exported files, and what it says when it cannot.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import fc from "fast-check";
import { parseHTML } from "linkedom";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { addTrailCommand, runTrail, type TrailFlags } from "../../src/cli/trail.ts";
import { parseSafetensors, readModelWeights } from "../../src/io/index.ts";
import { FolderLock, RunDirectory } from "../../src/node_internal.ts";
import { chooseEntry, frontEpochs } from "../../src/report/trail_choice.ts";
import { renderTrailPlot } from "../../src/report/trail_plot.ts";
import { renderTrailTable } from "../../src/report/trail_table.ts";
import { UsageError } from "../../src/terminal/fail.ts";
import { Trail, type TrailEntry } from "../../src/train/trail.ts";

const scratch = mkdtempSync(join(tmpdir(), "espalier-trail-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const at = (name: string) => join(scratch, name);

const entry = (
  epoch: number,
  sparsity: number,
  accuracy: number,
  file: string | null = `file ${epoch}`,
): TrailEntry => ({
  epoch,
  step: 10 * epoch,
  accuracy,
  loss: 0.1,
  sparsity,
  file,
});
/** Rises, then falls: epochs 3, 4 and 5 are on the front, 2 is beaten by 3. */
const RUN = [
  entry(1, 0.4, 0.96),
  entry(2, 0.7, 0.97),
  entry(3, 0.85, 0.985),
  entry(4, 0.95, 0.98),
  entry(5, 0.99, 0.9),
];

describe("rules", () => {
  const choose = (rules: Parameters<typeof chooseEntry>[2], entries: readonly TrailEntry[] = RUN) =>
    chooseEntry("runs/a", entries, rules)?.entry.epoch;

  test("each chooses by its rule", () => {
    expect(chooseEntry("runs/a", RUN, {})).toBeNull();
    expect(choose({ sparsity: 0 })).toBe(3);
    expect(choose({ sparsity: 85 })).toBe(3);
    expect(choose({ sparsity: 85.1 })).toBe(4);
    expect(choose({ sparsity: 0.851 })).toBe(4);
    expect(choose({ sparsity: 1 }, [...RUN, entry(6, 1, 0.1)])).toBe(6);
    expect(choose({ minAccuracy: 0.98 })).toBe(4);
    expect(choose({ minAccuracy: 98 })).toBe(4);
    expect(choose({ minAccuracy: 98.01 })).toBe(3);
    expect(choose({ maxDrop: 0 })).toBe(3);
    expect(choose({ maxDrop: 0.5 })).toBe(4);
    expect(choose({ maxDrop: 8.5 })).toBe(5);
    expect(choose({ epoch: 2 })).toBe(2);
  });

  test("the choice satisfies its bound, is the best that does, and is on the front", () => {
    const share = fc.integer({ min: 0, max: 8 }).map((n) => n / 8);
    const trail = fc
      .array(fc.tuple(share, share), { minLength: 1, maxLength: 10 })
      .map((points) => points.map(([s, a], i) => entry(i + 1, s, a)));
    const bound = fc.constantFrom(0, 25, 50, 62.5, 99);
    fc.assert(
      fc.property(trail, bound, fc.boolean(), (entries, per, bySparsity) => {
        const [of, other] = bySparsity ? (["sparsity", "accuracy"] as const) : (["accuracy", "sparsity"] as const);
        const rules = bySparsity ? { sparsity: per } : { minAccuracy: per };
        const fit = entries.filter((e) => e[of] >= per / 100);
        if (fit.length === 0) {
          expect(() => chooseEntry("r", entries, rules)).toThrow(UsageError);
          return;
        }
        const { entry: chosen, bound: drawn } = chooseEntry("r", entries, rules)!;
        expect(chosen[of]).toBeGreaterThanOrEqual(per / 100);
        expect(chosen[other]).toBe(Math.max(...fit.map((e) => e[other])));
        expect(frontEpochs(entries)).toContain(chosen.epoch);
        expect(drawn).toEqual({ axis: bySparsity ? "sparsity" : "score", least: per / 100 });
      }),
    );
  });

  test("chooses only models with files", () => {
    const some = RUN.map((e) => (e.epoch === 4 ? { ...e, file: null } : e));
    expect(choose({ minAccuracy: 95 }, some)).toBe(3);
    expect(() => choose({ epoch: 4 }, some)).toThrow(
      "runs/a: the model of epoch 4 was not kept; expected one of the epochs 1, 2, 3, 5",
    );
    const none = RUN.map((e) => ({ ...e, file: null }));
    expect(() => choose({ sparsity: 5 }, none)).toThrow("runs/a: expected a trail with files");
  });

  test.each([
    [
      { minAccuracy: 99 },
      "no model of the trail has 99.00 % accuracy; the nearest is epoch 3 with 98.50 % accuracy at 85.00 % sparsity",
    ],
    [
      { sparsity: 99.5 },
      "no model of the trail is 99.50 % sparse; the nearest is epoch 5 with 90.00 % accuracy at 99.00 % sparsity",
    ],
    [{ epoch: 9 }, "the trail has no epoch 9; the nearest is epoch 5"],
    [{ minAccuracy: -0.1 }, "--min-accuracy: expected a share such as 0.95, or per cent such as 95, got -0.1"],
    [{ sparsity: 101 }, "--sparsity: expected a share such as 0.95, or per cent such as 95, got 101"],
    [{ maxDrop: -1 }, "--max-drop: expected points of accuracy from 0 to 100, got -1"],
    [{ sparsity: 90, maxDrop: 1 }, "--max-drop and --sparsity: give one rule"],
  ])("%o is refused", (rules, message) => {
    expect(() => choose(rules)).toThrow(UsageError);
    expect(() => choose(rules)).toThrow(message);
  });
});

test("the table marks the front, the choice and deleted models", () => {
  const entries = [...RUN.slice(0, 4), entry(5, 1, 0.1, null)];
  const lines = renderTrailTable(entries, frontEpochs(entries), 4, { screen: {} }).split("\n");
  const cells = lines
    .filter((l) => /^\| +\d/.test(l))
    .map((l) =>
      l
        .split("|")
        .slice(1, -1)
        .map((c) => c.trim()),
    );
  expect(cells).toEqual([
    ["1", "40.00 %", "96.00 %", "1.67x", "", ""],
    ["2", "70.00 %", "97.00 %", "3.33x", "", ""],
    ["3", "85.00 %", "98.50 %", "6.67x", "yes", ""],
    ["4", "95.00 %", "98.00 %", "20.0x", "yes", "chosen"],
    ["5", "100.00 %", "10.00 %", "nothing left", "yes", "not kept"],
  ]);
});

describe("figure", () => {
  const parse = (svg: string) => parseHTML(`<!doctype html><html><body>${svg}</body></html>`).document;
  const texts = (svg: string) => [...parse(svg).querySelectorAll("text")].map((t) => t.textContent ?? "");

  test("axes with units, the front with its epochs, the choice and its bound", async () => {
    const choice = chooseEntry("runs/a", RUN, { minAccuracy: 97.5 });
    const { svg, png } = renderTrailPlot(RUN, frontEpochs(RUN), choice, { title: "Trail of <a>" });
    const all = texts(svg);
    expect(all[0]).toBe("Trail of <a>");
    expect(all[1]).toBe("Chosen: epoch 4, the sparsest with at least 97.50 % accuracy: 98.00 % at 95.00 %, 20.0x");
    expect(all).toContain("Sparsity, per cent of prunable weights that are zero");
    expect(all).toContain("Test accuracy, per cent");
    for (const tick of ["80", "90", "95", "98"]) expect(all).toContain(tick);
    for (const epoch of ["3", "4", "5"]) expect(all).toContain(epoch);
    expect(svg).toContain('stroke-dasharray="2,4"');
    // Three on the front, one in the key.
    expect([...svg.matchAll(/<circle[^>]* r="4\.2"/g)]).toHaveLength(4);
    expect([...(await png()).slice(0, 4)]).toEqual([0x89, 0x50, 0x4e, 0x47]);
  });

  test("has no choice without a rule; no entries are an error", () => {
    const { svg } = renderTrailPlot(RUN, frontEpochs(RUN), null, { title: "t" });
    expect(texts(svg)).toContain("No rule given");
    expect(svg).not.toContain("#d55e00");
    expect(() => renderTrailPlot([], new Set(), null, { title: "t" })).toThrow(
      "trail plot: expected at least one entry",
    );
  });

  test("any shares, including 0 and 1, give finite numbers and distinct ticks", async () => {
    const share = fc.oneof(fc.constantFrom(0, 1, 0.5, 1 - 1e-7), fc.double({ min: 0, max: 1, noNaN: true }));
    fc.assert(
      fc.property(fc.array(fc.tuple(share, share), { minLength: 1, maxLength: 6 }), fc.boolean(), (points, chosen) => {
        const entries = points.map(([s, a], i) => entry(i + 1, s, a));
        const choice = chosen ? chooseEntry("r", entries, { maxDrop: 50 }) : null;
        const { svg } = renderTrailPlot(entries, frontEpochs(entries), choice, { title: "t" });
        expect(svg).not.toMatch(/NaN|Infinity|undefined/);
        for (const axis of ["x-axis tick label", "y-axis tick label"]) {
          const labels = [...parse(svg).querySelectorAll(`[aria-label="${axis}"] text`)].map((t) => t.textContent);
          expect(labels.length).toBeGreaterThan(0);
          expect(new Set(labels).size).toBe(labels.length);
          expect(labels.length).toBeLessThan(20);
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe("the command", () => {
  const model = (zeros: number) =>
    new Map([
      ["fc.weight", { data: Float32Array.from({ length: 40 }, (_, i) => (i < zeros ? 0 : i)), shape: [4, 10] }],
      ["fc.bias", { data: Float32Array.of(1, 2, 3, 4), shape: [4] }],
    ]);
  beforeAll(async () => {
    const trail = new Trail(new RunDirectory(at("run")));
    for (const { file: _, ...point } of RUN) {
      await trail.add(point, model(Math.round(40 * point.sparsity)), { model: "lenet-bn", data: "mnist" });
    }
    mkdirSync(at("empty"));
    writeFileSync(at("file"), "");
  });

  const run = async (flags: Omit<TrailFlags, "run">, name = "run") => {
    const lines: string[] = [];
    const records: Record<string, unknown>[] = [];
    const out = {
      json: false,
      say: (line: string) => void lines.push(line),
      emit: (record: Record<string, unknown>) => void records.push(record),
    };
    return { code: await runTrail({ run: at(name), ...flags }, out), text: lines.join("\n"), records };
  };

  test("shows the table, writes the figure, and chooses nothing without a rule", async () => {
    const { code, text, records } = await run({});
    expect(code).toBe(0);
    expect(text).toContain("98.50 %");
    expect(text).not.toContain("chosen");
    expect(readFileSync(at("run/trail/trail.svg"), "utf8")).toContain("Trail of run: 5 models");
    expect(existsSync(at("run/trail/trail.png"))).toBe(true);
    expect(records.filter((r) => r["kind"] === "trail").map((r) => [r["epoch"], r["front"]])).toEqual([
      [1, false],
      [2, false],
      [3, true],
      [4, true],
      [5, true],
    ]);
    expect(records.at(-1)).toMatchObject({ kind: "result", best: 0.985, choice: null, exported: null });
  });

  test("shows a running run without writing into its folder", async () => {
    const svg = readFileSync(at("run/trail/trail.svg"));
    {
      using _lock = await FolderLock.take(at("run"), { command: "espalier train" });
      const { code, text, records } = await run({});
      expect(code).toBe(0);
      expect(text).toMatch(/98\.50 %[\s\S]*no figure written: .*run is in use by process \d+ on .*: espalier train/);
      expect(records.at(-1)).toMatchObject({ figure: null });
      await expect(run({ epoch: 3, export: at("run/model.csr.safetensors") })).rejects.toThrow(/is in use by/);
    }
    expect(readFileSync(at("run/trail/trail.svg"))).toEqual(svg);
    expect(existsSync(at("run/espalier.lock"))).toBe(false);
  });

  test("exports a sparse copy, or dense weights by name; overwrites only with --overwrite", async () => {
    const sparse = at("out/chosen.sparse.safetensors");
    const { text, records } = await run({ maxDrop: 0.5, export: sparse });
    expect(text).toContain("epoch 4, the sparsest within 0.5 points of the best accuracy, 98.50 %");
    expect(records.at(-1)).toMatchObject({ choice: { epoch: 4, sparsity: 0.95 }, exported: sparse });
    expect(readFileSync(sparse)).toEqual(readFileSync(at("run/trail/epoch-0004.sparse.safetensors")));

    await expect(run({ epoch: 3, export: sparse })).rejects.toThrow(`${sparse}: exists already; give --overwrite`);
    await run({ epoch: 3, export: sparse, overwrite: true });
    expect(readModelWeights(new Uint8Array(readFileSync(sparse)), "").metadata.get("epoch")).toBe("3");

    const dense = at("out/chosen.safetensors");
    await run({ epoch: 4, export: dense, dense: true });
    const { tensors, metadata } = parseSafetensors(new Uint8Array(readFileSync(dense)), dense);
    expect([...tensors.keys()].sort()).toEqual(["fc.bias", "fc.weight"]);
    expect(tensors.get("fc.weight")).toMatchObject({
      dtype: "F32",
      shape: [4, 10],
      data: model(38).get("fc.weight")?.data,
    });
    expect(metadata.get("model")).toBe("lenet-bn");
    expect(metadata.has("shapes")).toBe(false);
  });

  test.each<[string, Omit<TrailFlags, "run">, RegExp]>([
    [
      "run",
      { export: "x.safetensors" },
      /^--export: expected --min-accuracy, --max-drop, --bound, --sparsity or --epoch, to choose a model$/,
    ],
    ["run", { epoch: 1, export: "x.pt" }, /^--export: expected a \.safetensors file, got x\.pt$/],
    ["run", { epoch: 1, export: "x.sparse.safetensors", dense: true }, /since --dense is given$/],
    ["run", { epoch: 1, dense: true }, /^--dense: expected --export with it$/],
    ["run", { overwrite: true }, /^--overwrite: expected --export with it$/],
    ["empty", {}, /empty: has no trail; train with --trail to save one$/],
    ["nowhere", {}, /nowhere: no such folder$/],
    ["file", {}, /file: expected a run's folder, got a file$/],
  ])("%s %o is refused", async (name, flags, message) => {
    await expect(run(flags, name)).rejects.toThrow(UsageError);
    await expect(run(flags, name)).rejects.toThrow(message);
  });

  test("names a corrupt record and a corrupt model", async () => {
    const broken = at("broken/trail");
    mkdirSync(broken, { recursive: true });
    const line = readFileSync(at("run/trail/trail.jsonl"), "utf8").split("\n")[0]!;
    writeFileSync(join(broken, "trail.jsonl"), `{}\n${line}\n`);
    await expect(run({}, "broken")).rejects.toThrow(/broken: trail\/trail\.jsonl, line 1: epoch: expected/);
    writeFileSync(join(broken, "trail.jsonl"), `${line}\n`);
    writeFileSync(join(broken, "epoch-0001.sparse.safetensors"), "short");
    const goal = at("out/never.safetensors");
    await expect(run({ epoch: 1, export: goal }, "broken")).rejects.toThrow(/epoch-0001\.sparse\.safetensors/);
    expect(existsSync(goal)).toBe(false);
  });

  test("receives the flags of the command line; help has examples", async () => {
    const codes: number[] = [];
    const stdout = vi.spyOn(process.stdout, "write").mockReturnValue(true);
    const root = new Command("espalier").exitOverride();
    addTrailCommand(root.command("trail"), (code) => codes.push(code));
    const goal = at("out/from_flags.safetensors");
    const flags = ["--sparsity", "95", "--export", goal, "--dense", "--overwrite", "--json"];
    await root.parseAsync(["trail", at("run"), ...flags], { from: "user" });
    expect(JSON.parse(stdout.mock.lastCall?.[0] as string)).toMatchObject({ kind: "result", exported: goal });
    stdout.mockRestore();
    expect(codes).toEqual([0]);
    expect(readModelWeights(new Uint8Array(readFileSync(goal)), "").metadata.get("epoch")).toBe("4");
    const help: string[] = [];
    root.commands[0]?.configureOutput({ writeOut: (text) => void help.push(text) });
    root.commands[0]?.outputHelp();
    expect(help.join("")).toContain("$ espalier trail runs/a --max-drop 0.5");
  });
});
