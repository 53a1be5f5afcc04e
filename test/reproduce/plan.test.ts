// The experiments of the plan: their cells, the order of them, and their recipes.
import { describe, expect, test } from "vitest";
import { resolveRecipe } from "../../src/recipe/recipe.ts";
import { sharedMethods } from "../../tools/reproduce/methods.ts";
import {
  canonical,
  cellId,
  cellsOf,
  familyOf,
  filesOf,
  readExperiments,
  recipeOf,
  sourceOf,
  withFiles,
} from "../../tools/reproduce/plan.ts";
import { experimentOf, FOLDER, small } from "./made_up.ts";

const experiments = readExperiments();
const cells = cellsOf(experiments);

describe("plan", () => {
  test("has every experiment, each cell once", () => {
    expect(experiments.map(({ name }) => name)).toEqual([
      "comparison_lenet",
      "comparison_resnet8",
      "lambda_traces",
      "freeze_epoch",
      "update_rules",
      "ltp_trail",
      "spiking",
      "cifar10",
      "cifar10_spiking",
      "blocks",
      "blocks_cifar10",
    ]);
    expect(new Set(cells.map(cellId)).size).toBe(cells.length);
    expect(cells.some((cell) => cellId(cell) === "comparison_lenet/wd5e-4/lats/0.95/s4")).toBe(true);
  });

  test("covers all experiments with one seed before the next seed", () => {
    const seeds = cells.map(({ seed }) => seed);
    expect(seeds).toEqual([...seeds].sort((a, b) => a - b));
    const first = cells.filter(({ seed }) => seed === 0).map(({ experiment }) => experiments.indexOf(experiment));
    expect(first).toEqual([...first].sort((a, b) => a - b));
    const levels = cells
      .filter(({ seed, experiment }) => seed === 0 && experiment === experiments[0])
      .map((c) => c.level);
    expect(levels).toEqual([...levels].sort((a, b) => a - b));
  });

  test("makes valid recipes, with the knob at its place", () => {
    const files = { cifar10: "/data/cifar10", resnet20: "/data/resnet20.th" };
    for (const cell of cells) {
      const { knob } = cell.method;
      const setting = knob === null ? null : 0.4;
      const flags = recipeOf(cell, setting);
      const recipe = resolveRecipe({ flags: withFiles(flags, files) });
      expect(recipe.seed, cellId(cell)).toBe(cell.seed);
      const found = knob
        ?.split(".")
        .reduce<unknown>((part, key) => (part as Record<string, unknown>)[key], recipe.prune);
      if (knob !== null) expect(found, cellId(cell)).toBe(0.4);
    }
  });

  test("sets panels, shares of epochs and settings of methods", () => {
    const find = (id: string) => {
      const cell = cells.find((one) => cellId(one) === id)!;
      return resolveRecipe({ flags: recipeOf(cell, cell.method.knob === null ? null : 0.07) });
    };
    expect(find("comparison_lenet/wd0/lats/0.95/s0")).toMatchObject({
      weightDecay: 0,
      prune: { method: "soft", schedule: "lats", threshold: 0.07 },
    });
    expect(find("comparison_lenet/wd5e-4/early/0.95/s0")).toMatchObject({
      weightDecay: 5e-4,
      prune: { schedule: "pgh-general", freezeEpoch: 4 },
    });
    expect(find("comparison_lenet/wd0/ltp/0.95/s0").prune).toMatchObject({ startEpoch: 2, ltp: { l0: 0.07 } });
    expect(find("comparison_lenet/wd0/str/0.95/s0").prune).toMatchObject({ str: { start: -20, decay: 0.07 } });
    expect(find("update_rules/wd0/inplace/0.95/s0").prune).toMatchObject({ mode: "inplace", schedule: "lats" });
    expect(find("ltp_trail/mnist/trail/0.98/s0")).toMatchObject({
      epochs: 16,
      lr: { schedule: "constant", base: 0.1 },
    });
    expect(find("freeze_epoch/mnist/beta 0.5, epoch 2/0.98/s0").prune).toMatchObject({ beta: 0.5, freezeEpoch: 2 });
  });

  test("gives equal settings one family, also in another experiment, and others another one", () => {
    const of = (id: string) => familyOf(cells.find((cell) => cellId(cell) === id)!);
    const lats = of("comparison_lenet/wd0/lats/0.95/s0");
    expect(lats).toMatch(/^[0-9a-f]{16}$/);
    expect(of("comparison_lenet/wd0/lats/0.98/s0")).toBe(lats);
    expect(of("lambda_traces/wd0/lats/0.98/s0")).toBe(lats);
    expect(of("update_rules/wd0/latent/0.90/s0")).toBe(lats);
    const others = ["wd5e-4/lats/0.95/s0", "wd0/lats/0.95/s1", "wd0/slats/0.95/s0"];
    for (const id of others) expect(of(`comparison_lenet/${id}`), id).not.toBe(lats);
    const more = small(["recalibrate: 10", "recalibrate: 11"]);
    expect(familyOf(cellsOf([more])[5]!)).not.toBe(familyOf(cellsOf([small()])[5]!));
    expect(canonical({ b: 1, a: [{ d: 1, c: 2 }] })).toBe('{"a":[{"c":2,"d":1}],"b":1}');
  });

  test("names the files that an experiment needs, and puts them in", () => {
    const needs = experiments.filter((one) => filesOf(one).length > 0).map((one) => [one.name, filesOf(one)]);
    expect(needs).toEqual([
      ["cifar10", ["cifar10", "resnet20"]],
      ["cifar10_spiking", ["cifar10"]],
      ["blocks_cifar10", ["cifar10", "resnet20"]],
    ]);
    const flags = { data: { dir: "$cifar10" }, weights: "$other" };
    expect(withFiles(flags, { cifar10: 'a "b"' })).toEqual({ data: { dir: 'a "b"' }, weights: "$other" });
  });

  test("finds the method whose masks a control shuffles, and has it in the plan", () => {
    const controls = cells.filter(({ method }) => method.shuffled !== null);
    expect(controls.length).toBeGreaterThan(0);
    const ids = new Set(cells.map(cellId));
    for (const cell of controls) expect(ids.has(cellId(sourceOf(cell)!)), cellId(cell)).toBe(true);
    expect(recipeOf(controls[0]!, null).prune).toEqual({ method: "masked" });
  });

  test("refuses a file that is wrong, and names it", () => {
    expect(() => small(["order: 1", "order: first"])).toThrow(/small\.yaml: order: /);
    expect(() => small(["methods: [dense]", "methods: [dence]"])).toThrow(/expected one of dense, .*, got dence/);
    expect(() => small(["panels: [wd0]", "panels: [wd1]"])).toThrow(/expected panels of wd0, wd5e-4, got wd1/);
    expect(() => small(["{ shuffled: at-init }", "{ shuffle: at-init }"])).toThrow(/methods: shuffled at-init/);
    expect(() => cellsOf([small(["levels: [0.8, 0.98]", "levels: [0.8, 0.8]"])])).toThrow(/each cell once/);
    expect(() => experimentOf("title: x")).toThrow(/small\.yaml/);
  });

  test("has methods that the command line has too", () => {
    for (const method of sharedMethods(FOLDER).values()) {
      const own = method.recipe(8, method.knob === null ? null : 0.5);
      expect(() => resolveRecipe({ flags: { epochs: 8, ...own } }), method.name).not.toThrow();
    }
  });
});
