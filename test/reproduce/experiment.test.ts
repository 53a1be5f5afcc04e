// The loop of the experiment with simulated training: order of runs, search of settings, and resuming.
import { describe, expect, test } from "vitest";
import { aboutTime, listLines, secondsLeft } from "../../tools/reproduce/estimate.ts";
import {
  calibrationStep,
  checkPlan,
  type ExperimentOptions,
  progressLine,
  runExperiment,
  workOf,
} from "../../tools/reproduce/experiment.ts";
import { type Cell, countedRuns, toleranceAt } from "../../tools/reproduce/plan.ts";
import { Memory, madeUpResults, madeUpTraining, SMALL } from "./made_up.ts";

function start(more: Partial<ExperimentOptions> = {}) {
  const results = new Memory();
  const said: string[] = [];
  const say = (line: string) => void said.push(line);
  const options = { plan: SMALL, results, train: madeUpTraining, adapter: "made up", version: "1.2.3", say, ...more };
  return { results, said, options };
}

const cellOf = (method: Cell["method"], level: number): Cell => ({ pair: SMALL.pairs[0]!, method, level });

describe("experiment", () => {
  test("makes every counted run once, near its level, and prints a line per run", async () => {
    const { results, said, options } = start();
    expect(await runExperiment(options)).toBe("finished");
    const counted = results.lines.filter((line) => line.kind === "run");
    expect(counted.map((line) => line.id)).toEqual(countedRuns(SMALL).map(({ id }) => id));
    for (const line of counted) {
      expect(Math.abs((line.sparsity ?? 0) - line.level), line.id).toBeLessThanOrEqual(toleranceAt(line.level) + 1e-9);
    }
    expect(said).toHaveLength(results.lines.length);
    const { total } = workOf(SMALL, results.lines);
    // 2 pairs, (7 methods, 2 levels, 2 seeds + dense, 2 seeds) and settings of 6 methods, 2 levels.
    expect(total).toBe(2 * (7 * 2 * 2 + 2 + 6 * 2));
    expect(said.at(-1)).toMatch(new RegExp(`^${total}/${total} `));
  });

  test("finds settings right before the first run that needs them, and keeps them for the other seeds", async () => {
    const lines = await madeUpResults();
    const of = (name: string) => lines.filter((line) => line.id.startsWith(`mnist/lenet-bn/${name}/`));
    expect(of("lats/0.80").map((line) => line.id.split("/").at(-1))).toEqual(["c1", "s0", "s1"]);
    const [found, ...runs] = of("lats/0.80");
    expect(found).toMatchObject({ kind: "calibration", seed: 100, settingName: "threshold D" });
    expect(found!.setting).toBeCloseTo(-Math.log(0.2) / 20, 12);
    for (const run of runs) expect(run.setting).toBe(found!.setting);
    for (const name of ["str/0.80", "str/0.98", "ltp/0.80", "ltp/0.98"]) {
      const settings = of(name).flatMap((line) => (line.kind === "run" ? [line.setting] : []));
      expect(new Set(settings).size, name).toBe(1);
      expect(of(name).filter((line) => line.kind === "calibration").length, name).toBeLessThanOrEqual(4);
    }
    expect(of("gmp/0.98").map(({ kind, setting }) => [kind, setting])).toEqual([
      ["run", 0.98],
      ["run", 0.98],
    ]);
    expect(of("dense/0.00")[0]).toMatchObject({ setting: null, settingName: null, sparsity: 0 });
  });

  test("continues where it stopped, at any run, and ends with the same lines", async () => {
    const whole = await madeUpResults();
    for (const after of [0, 1, 5, 11, 12, 30]) {
      const { results, options } = start();
      let count = 0;
      const stop = () => count++ >= after;
      expect(await runExperiment({ ...options, stop })).toBe("stopped");
      expect(results.lines).toHaveLength(after);
      expect(await runExperiment(options)).toBe("finished");
      expect(results.lines).toEqual(whole);
    }
  });

  test("runs only the selected runs, with the settings that they need", async () => {
    const { results, options } = start({ wanted: ({ id }) => /^mnist.*str\/0.98\/s1$/.test(id) });
    await runExperiment(options);
    expect(results.lines.filter((line) => line.kind === "run").map((line) => line.id)).toEqual([
      "mnist/lenet-bn/str/0.98/s1",
    ]);
    expect(results.lines.every((line) => line.id.startsWith("mnist/lenet-bn/str/0.98/"))).toBe(true);
  });

  test("records a run that breaks down and continues; a bug ends it", async () => {
    const broken = Object.assign(new Error("the loss of step 3 is not finite"), { name: "NonFiniteLossError" });
    const train: ExperimentOptions["train"] = async (recipe) => {
      if (recipe.prune?.method === "ltp" || recipe.prune?.schedule === "linear") throw broken;
      return madeUpTraining(recipe);
    };
    const { results, said, options } = start({ train, wanted: ({ id }) => /^mnist.*(ltp|linear|gmp)/.test(id) });
    expect(await runExperiment(options)).toBe("finished");
    // No setting was found: its runs are left out, and nothing of it is open.
    expect(results.lines.filter((line) => line.kind === "run").map((line) => line.method)).toEqual(
      Array.from({ length: 4 }, () => "gmp"),
    );
    const ltp = results.lines.filter((line) => line.method === "ltp");
    expect(ltp.length).toBeGreaterThanOrEqual(4);
    expect(ltp[0]).toMatchObject({ accuracy: null, sparsity: null, failed: broken.message });
    expect(said.some((line) => /ltp.*left out, no setting was found/.test(line))).toBe(true);
    expect(workOf(SMALL, results.lines, options.wanted).todo).toEqual([]);
    const { options: other } = start({ train: async () => Promise.reject(new TypeError("a bug")) });
    await expect(runExperiment(other)).rejects.toThrow("a bug");
  });

  test("uses the results of a search for other levels", async () => {
    const lines = await madeUpResults();
    const str = lines.filter((line) => line.kind === "calibration" && line.method === "str" && line.data === "mnist");
    const only98 = start({ wanted: ({ id }) => /^mnist.*str\/0.98/.test(id) });
    await runExperiment(only98.options);
    const alone = only98.results.lines.filter((line) => line.kind === "calibration").length;
    expect(str.filter((line) => line.level === 0.98).length).toBeLessThanOrEqual(alone);
    // All of it known, there is nothing to run.
    const known = lines.filter((line) => line.kind === "calibration");
    expect(calibrationStep(SMALL, cellOf("str", 0.98), known)).toMatchObject({ kind: "ready" });
    expect(calibrationStep(SMALL, cellOf("str", 0.98), [])).toMatchObject({ kind: "run", attempt: 1 });
  });

  test("refuses lines of another plan, and names them", async () => {
    const lines = await madeUpResults();
    expect(() => checkPlan(SMALL, lines, "results.jsonl")).not.toThrow();
    const longer = { ...SMALL, pairs: SMALL.pairs.map((pair) => ({ ...pair, epochs: 3 })) };
    expect(() => checkPlan(longer, lines, "results.jsonl")).toThrow(
      /results\.jsonl: \d+ of \d+ lines are of another plan, the first mnist\/lenet-bn\/dense\/0\.00\/s0.* 2 epochs .*the plan has 3 epochs .*--fresh/,
    );
    expect(() => checkPlan({ ...SMALL, lr: 0.2 }, lines, "results.jsonl")).toThrow(/recipe [0-9a-f]{8}/);
    const less = { ...SMALL, pairs: SMALL.pairs.slice(1) };
    expect(() => checkPlan(less, lines, "results.jsonl")).toThrow(/which the plan does not have/);
  });

  test("writes the progress", async () => {
    const [line] = (await madeUpResults()).filter(({ id }) => id === "mnist/lenet-bn/lats/0.80/s1");
    const text = progressLine(
      { ...line!, accuracy: 0.98123, sparsity: 0.80049, seconds: 14.23 },
      { done: 37, total: 246 },
    );
    expect(text).toMatch(/^ 37\/246 {2}mnist lenet-bn lats 80 % seed 1 +98\.12 % {2}at +80\.0 % +14\.2 s$/);
  });

  test("estimates the remaining time from the finished runs", async () => {
    const { results, options } = start();
    expect(secondsLeft(SMALL, [])).toMatchObject({ seconds: 0 });
    expect(secondsLeft(SMALL, []).unknown).toBeGreaterThan(50);
    let count = 0;
    await runExperiment({ ...options, stop: () => count++ >= 20 });
    const { seconds } = secondsLeft(SMALL, results.lines);
    expect(seconds).toBeGreaterThan(500);
    expect(seconds).toBeLessThan(1200);
    expect(listLines(SMALL, results.lines).at(-1)).toMatch(/^84 runs.*; \d+ done; left: about \d+ min/);
    const all = await madeUpResults();
    expect(secondsLeft(SMALL, all)).toEqual({ seconds: 0, unknown: 0 });
    expect(listLines(SMALL, all).at(-1)).toMatch(/84 done; nothing is left$/);
    expect([aboutTime(20), aboutTime(3540), aboutTime(4020)]).toEqual([
      "about 1 min",
      "about 59 min",
      "about 1 h 7 min",
    ]);
  });
});
