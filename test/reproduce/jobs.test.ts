// Several runs at a time, with simulated training: which cells are in progress together, stopping, errors.
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { runPlan, type Train } from "../../tools/reproduce/loop.ts";
import { cellId, cellsOf, type Task } from "../../tools/reproduce/plan.ts";
import { Queue } from "../../tools/reproduce/queue.ts";
import { progressOf, stateOf, Tries } from "../../tools/reproduce/runs.ts";
import { madeUpTraining, small, start } from "./made_up.ts";

const experiment = small();

/** Simulated training that takes from 1 to 4 ms, and notes how many runs are in progress. */
function timed() {
  const seen = { now: 0, most: 0, calls: 0 };
  const train: Train = async (task: Task) => {
    seen.now++;
    seen.most = Math.max(seen.most, seen.now);
    await sleep(1 + (seen.calls++ % 4));
    seen.now--;
    return madeUpTraining(task);
  };
  return { seen, train };
}

describe("jobs", () => {
  test("give every cell a result within its tolerance, with as many runs at a time as chosen", async () => {
    for (const jobs of [2, 5]) {
      const { seen, train } = timed();
      const { results, options, cells, said } = start(experiment, { train, jobs });
      expect(await runPlan(options)).toBe("finished");
      expect(seen.most).toBe(jobs);
      const tries = new Tries(results.lines);
      for (const cell of cells)
        expect(stateOf(cell, tries), cellId(cell)).toMatchObject({ kind: "done", matched: true });
      expect(said.at(-1)).toMatch(new RegExp(`^${cells.length}/${cells.length} `));
      // No setting of a cell was run twice.
      const keys = results.lines.map(({ family, setting }) => `${family} ${setting}`);
      expect(new Set(keys).size).toBe(keys.length);
    }
  });

  test("need about as many runs as one job, since a seed begins at the results of another one", async () => {
    const count = async (jobs: number) => {
      const { results, options } = start(experiment, { train: timed().train, jobs });
      await runPlan(options);
      return results.lines.length;
    };
    expect(await count(2)).toBeLessThanOrEqual(1.05 * (await count(1)));
  });

  test("stop after the runs in progress, and continue", async () => {
    const { train } = timed();
    const { results, options, cells } = start(experiment, { train, jobs: 3 });
    let calls = 0;
    expect(await runPlan({ ...options, stop: () => calls++ >= 20 })).toBe("stopped");
    expect(results.lines).toHaveLength(20);
    expect(await runPlan(options)).toBe("finished");
    expect(progressOf(cells, new Tries(results.lines)).open).toEqual([]);
  });

  test("save the runs in progress before an error ends the plan", async () => {
    let calls = 0;
    const train: Train = async (task) => {
      const call = calls++;
      if (call === 1) throw new TypeError("a bug");
      await sleep(5);
      return madeUpTraining(task);
    };
    const { results, options } = start(experiment, { train, jobs: 3 });
    await expect(runPlan(options)).rejects.toThrow(/^small\/wd5e-4\/dense\/0\.00\/s0: a bug/);
    expect(results.lines).toHaveLength(2);
  });
});

describe("queue", () => {
  const of = (pattern: RegExp) => cellsOf([experiment]).filter((cell) => pattern.test(cellId(cell)));
  const taken = (queue: Queue) => {
    const cell = queue.take();
    return cell && cellId(cell);
  };

  test("keeps cells apart that share runs, and a control from its source", () => {
    const levels = new Queue(of(/wd0\/lats\/.*s0/), new Tries([]));
    expect(taken(levels)).toBe("small/wd0/lats/0.80/s0");
    expect(levels.take()).toBeNull();
    const control = new Queue(of(/wd0\/(shuffled )?at-init\/0\.80\/s0/), new Tries([]));
    const source = control.take()!;
    expect(cellId(source)).toBe("small/wd0/at-init/0.80/s0");
    expect(control.take()).toBeNull();
    control.release(source);
    expect(taken(control)).toBe("small/wd0/shuffled at-init/0.80/s0");
  });

  test("prefers a cell whose other seeds are not in progress", () => {
    const queue = new Queue(of(/wd0\/(lats|gmp)\/0\.80/), new Tries([]));
    expect([1, 2, 3, 4].map(() => taken(queue))).toEqual([
      "small/wd0/lats/0.80/s0",
      "small/wd0/gmp/0.80/s0",
      "small/wd0/gmp/0.80/s1",
      "small/wd0/gmp/0.80/s2",
    ]);
    expect(taken(queue)).toBe("small/wd0/lats/0.80/s1");
  });
});
