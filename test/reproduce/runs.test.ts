// The loop of the experiments with simulated training: matching per seed, sharing of runs, resuming, breakdowns, estimates.
import { describe, expect, test } from "vitest";
import { aboutTime, planLines, runsLeft, secondsLeft, secondsOf } from "../../tools/reproduce/estimate.ts";
import { progressLine, runPlan, type Train } from "../../tools/reproduce/loop.ts";
import { type Cell, cellId, cellsOf } from "../../tools/reproduce/plan.ts";
import { progressOf, stateOf, Tries } from "../../tools/reproduce/runs.ts";
import { Memory, madeUpResults, madeUpTraining, small, start } from "./made_up.ts";

const experiment = small();
const done = (cell: Cell, tries: Tries) => {
  const state = stateOf(cell, tries);
  if (state.kind !== "done") throw new Error(`${cellId(cell)}: ${state.kind}`);
  return state;
};

describe("plan run", () => {
  test("gives every cell a result within the tolerance of its level, seed by seed", async () => {
    const { results, options, cells, said } = start(experiment);
    expect(await runPlan(options)).toBe("finished");
    const tries = new Tries(results.lines);
    for (const cell of cells) {
      const { line, matched } = done(cell, tries);
      expect(matched, cellId(cell)).toBe(true);
      expect(line.seed).toBe(cell.seed);
      expect(Math.abs(line.sparsity! - cell.level), cellId(cell)).toBeLessThanOrEqual(0.001001);
    }
    expect(said).toHaveLength(results.lines.length);
    expect(said.at(-1)).toMatch(new RegExp(`^${cells.length}/${cells.length} `));
    // Seeds drift apart by a few per cent of the knob: one setting does not serve two seeds.
    const settings = [0, 1, 2].map((seed) => {
      const cell = cells.find((c) => cellId(c) === `small/wd0/lats/0.98/s${seed}`)!;
      return done(cell, tries).line.setting;
    });
    expect(new Set(settings).size).toBe(3);
  });

  test("needs few runs for a level, and fewer for later seeds", async () => {
    const lines = await madeUpResults(experiment);
    const runsOf = (seed: number) =>
      lines.filter((line) => line.seed === seed && /\/(lats|str)\//.test(line.cell)).length;
    // 2 panels, 2 methods, 2 levels.
    expect(runsOf(0)).toBeLessThanOrEqual(8 * 4);
    expect(runsOf(2)).toBeLessThanOrEqual(8 * 2.5);
    for (const line of lines) {
      const same = lines.filter(({ cell, setting }) => cell === line.cell && setting === line.setting);
      expect(same, line.cell).toHaveLength(1);
    }
  });

  test("corrects the aim of a method that ends beside it", async () => {
    const lines = (await madeUpResults(experiment)).filter(({ cell }) => cell === "small/wd0/at-init/0.80/s0");
    expect(lines.map(({ setting }) => setting)).toEqual([0.8, expect.closeTo(0.804, 9)]);
    const gmp = (await madeUpResults(experiment)).filter(({ cell }) => cell.includes("/gmp/"));
    expect(gmp).toHaveLength(2 * 2 * 3);
  });

  test("runs a control after the method whose masks it shuffles, with that run's layers", async () => {
    const seen: unknown[] = [];
    const train: Train = async (task) => {
      if (task.shuffle) seen.push(task.shuffle);
      return madeUpTraining(task);
    };
    const { results, options, cells } = start(experiment, { train });
    // Only the control is chosen: its source is run as well.
    const own = cells.filter((cell) => cell.method.shuffled !== null && cell.seed === 0);
    expect(await runPlan({ ...options, cells: own })).toBe("finished");
    expect(results.lines.map(({ cell }) => cell)).toEqual([
      "small/wd0/at-init/0.80/s0",
      "small/wd0/at-init/0.80/s0",
      "small/wd0/shuffled at-init/0.80/s0",
    ]);
    expect(seen).toEqual([results.lines[1]!.layers]);
  });

  test("continues where it stopped, after any run, and ends with the same lines", async () => {
    const whole = await madeUpResults(experiment);
    for (const after of [0, 1, 5, 11, 12, 30]) {
      const { results, options } = start(experiment);
      let count = 0;
      expect(await runPlan({ ...options, stop: () => count++ >= after })).toBe("stopped");
      expect(results.lines).toHaveLength(after);
      expect(await runPlan(options)).toBe("finished");
      expect(results.lines).toEqual(whole);
    }
  });

  test("makes a run once for two experiments with the same settings", async () => {
    const results = new Memory();
    const other = { ...small(["order: 1", "order: 2"]), name: "other" };
    const { options } = start(experiment, { results });
    await runPlan(options);
    const before = results.lines.length;
    await runPlan({ ...options, cells: cellsOf([other]) });
    expect(results.lines).toHaveLength(before);
  });

  test("ends a search at the nearest run, marked, if no run is within the tolerance", async () => {
    // Shares of zeros in steps of a tenth.
    const train: Train = async (task) => {
      const outcome = await madeUpTraining(task);
      return { ...outcome, sparsity: Math.round(10 * outcome.sparsity!) / 10 };
    };
    const { results, options, cells } = start(experiment, { train });
    const cell = cells.find((one) => cellId(one) === "small/wd0/lats/0.98/s0")!;
    await runPlan({ ...options, cells: [cell] });
    expect(results.lines.length).toBeLessThanOrEqual(6);
    expect(done(cell, new Tries(results.lines))).toMatchObject({ matched: false, line: { sparsity: 1 } });
  });

  test("records a run that breaks down and continues; a bug ends it", async () => {
    const broken = Object.assign(new Error("the loss of step 3 is not finite"), { name: "NonFiniteLossError" });
    const train: Train = async (task) => {
      if (task.recipe.prune?.method === "ltp") throw broken;
      return madeUpTraining(task);
    };
    const { results, options, cells, said } = start(experiment, { train });
    const own = cells.filter(({ method, seed }) => ["ltp", "gmp"].includes(method.name) && seed === 0);
    expect(await runPlan({ ...options, cells: own })).toBe("finished");
    const ltp = results.lines.filter(({ cell }) => cell.includes("/ltp/"));
    expect(ltp[0]).toMatchObject({ accuracy: null, recalibrated: null, sparsity: null, failed: broken.message });
    expect(said.some((line) => /ltp.*has no result: the loss of step 3/.test(line))).toBe(true);
    expect(progressOf(own, new Tries(results.lines))).toMatchObject({ done: own.length, open: [] });
    const bug = start(experiment, { train: async () => Promise.reject(new TypeError("a bug")) });
    await expect(runPlan(bug.options)).rejects.toThrow("a bug");
  });

  test("names the cell of a bug", async () => {
    const { options } = start(experiment, { train: async () => Promise.reject(new TypeError("a bug")) });
    await expect(runPlan(options)).rejects.toThrow("small/wd0/dense/0.00/s0: a bug");
  });

  test("writes the progress", async () => {
    const [line] = (await madeUpResults(experiment)).filter(({ cell }) => cell === "small/wd0/lats/0.80/s1");
    const text = progressLine(
      { ...line!, accuracy: 0.98, recalibrated: 0.98123, sparsity: 0.80049, seconds: 14.23, setting: 0.123456 },
      " 37/246",
    );
    expect(text).toMatch(
      /^ 37\/246 {2}small\/wd0\/lats\/0\.80\/s1 +98\.00 %, 98\.12 % at 80\.04 % zeros {2}14\.2 s {3}0\.1235$/,
    );
  });
});

describe("noisy methods", () => {
  test("ends the search of a method whose share does not rise with its setting, once runs are on both sides", async () => {
    // Shares swing by about a point from one setting to the next.
    const train: Train = async (task) => {
      const outcome = await madeUpTraining(task);
      const { l0 = 1 } = task.recipe.prune?.ltp ?? {};
      return { ...outcome, sparsity: outcome.sparsity! + 0.01 * Math.sin(3e4 * l0) };
    };
    const { results, options, cells } = start(experiment, { train });
    const own = cells.filter(({ method, level }) => method.name === "ltp" && level === 0.8);
    expect(await runPlan({ ...options, cells: own })).toBe("finished");
    const tries = new Tries(results.lines);
    const states = own.map((cell) => done(cell, tries));
    for (const { matched, around } of states) {
      expect(matched || around !== undefined).toBe(true);
      if (around) expect(around.below.sparsity!).toBeLessThan(around.above.sparsity!);
    }
    expect(states.some(({ around }) => around !== undefined)).toBe(true);
    expect(results.lines.length).toBeLessThan(4.5 * own.length);
  });
});

describe("estimate", () => {
  test("counts the runs that a cell still needs", async () => {
    const cells = cellsOf([experiment]);
    const none = new Tries([]);
    const of = (id: string) => cells.find((cell) => cellId(cell) === `small/wd0/${id}`)!;
    expect(runsLeft(of("lats/0.80/s0"), none)).toBe(3);
    expect(runsLeft(of("lats/0.80/s1"), none)).toBe(2.2);
    expect(runsLeft(of("gmp/0.80/s1"), none)).toBe(1);
    expect(runsLeft(of("dense/0.00/s1"), none)).toBe(1);
    const all = new Tries(await madeUpResults(experiment));
    for (const cell of cells) expect(runsLeft(cell, all)).toBe(0);
  });

  test("takes timed runs where there are any", async () => {
    const cells = cellsOf([experiment]);
    const lines = (await madeUpResults(experiment)).map((line) => ({
      ...line,
      seconds: line.cell.includes("/lats/") ? 4 : 2,
    }));
    const some = new Tries(lines.filter(({ cell }) => /wd0\/(lats|slats)/.test(cell)));
    const find = (id: string) => cells.find((cell) => cellId(cell) === id)!;
    expect(secondsOf(find("small/wd0/lats/0.80/s0"), cells, new Tries([]))).toBe(10);
    expect(secondsOf(find("small/wd0/lats/0.80/s0"), cells, some)).toBe(4);
    expect(secondsOf(find("small/wd0/gmp/0.80/s0"), cells, some)).toBeGreaterThan(2);
    expect(secondsOf(find("small/wd0/gmp/0.80/s0"), cells, some)).toBeLessThan(4);
    expect(secondsOf(find("small/wd5e-4/gmp/0.80/s0"), cells, some)).toBe(10);
    expect(secondsLeft(cells, new Tries(lines))).toBe(0);
  });

  test("writes the plan, with experiments that lack a file", async () => {
    const cells = cellsOf([experiment]);
    const open = planLines(cells, new Tries([]), []).join("\n");
    expect(open).toMatch(/small +0\/92 cells done +about 3\d min left/);
    const missing = small(["name: mnist, limit: 60", "name: images, dir: $cifar10"]);
    const ended = planLines(cells, new Tries(await madeUpResults(experiment)), [missing]).join("\n");
    expect(ended).toMatch(/all +92\/92 cells done +finished/);
    expect(ended).toMatch(/small +left out: needs --file cifar10=PATH/);
    expect([aboutTime(20), aboutTime(3540), aboutTime(4020)]).toEqual([
      "about 1 min",
      "about 59 min",
      "about 1 h 7 min",
    ]);
  });
});
