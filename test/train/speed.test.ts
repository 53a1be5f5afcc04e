// Rounds of measureSpeed, with ways that only count: no GPU, no timed assertions.
import { expect, test } from "vitest";
import { largestDifference, measureSpeed, type SpeedWay, spreadOf } from "../../src/train/index.ts";

/** A way that logs its calls. */
function counted(name: string, log: string[], logits = [1, -2]): SpeedWay {
  return {
    name,
    async open(x, size) {
      log.push(`${name} open ${size} of ${x.length}`);
      return {
        run: async (times) => {
          log.push(`${name} run ${times}`);
        },
        logits: async () => {
          log.push(`${name} logits`);
          return Float32Array.from(logits);
        },
        close: () => {
          log.push(`${name} close`);
        },
      };
    },
  };
}

test("warms each way up, then times all of them in every round, in turning order, and closes them", async () => {
  const log: string[] = [];
  const done: number[] = [];
  const options = { sample: [3], batch: 2, rounds: 2, roundMs: 0, onRound: (n: number) => done.push(n) };
  const results = await measureSpeed([counted("a", log), counted("b", log, [1, -1])], options);
  const warm = (name: string) => [
    ...[`${name} open 2 of 6`, `${name} run 1`, `${name} run 1`],
    ...[`${name} logits`, `${name} run 1`, `${name} run 1`],
  ];
  const round = (name: string) => [`${name} logits`, `${name} run 1`];
  expect(log).toEqual([
    ...[...warm("a"), ...warm("b")],
    ...[...round("a"), ...round("b"), ...round("b"), ...round("a")],
    ...["a close", "b close"],
  ]);
  expect(done).toEqual([1, 2]);
  expect(results.map(({ name, batch, difference }) => [name, batch, difference])).toEqual([
    ["a", 2, 0],
    ["b", 2, 0.5],
  ]);
  expect(results[0]!.speedup).toBe(1);
});

test("refuses wrong options, and closes the ways after an error and an abort", async () => {
  const log: string[] = [];
  const way = counted("a", log);
  const run = (change: object, ways = [way]) => measureSpeed(ways, { sample: [1], batch: 1, rounds: 1, ...change });
  await expect(run({ batch: 0 })).rejects.toThrow("measureSpeed: batch: expected an integer >= 1, got 0");
  await expect(run({ rounds: 1.5 })).rejects.toThrow("measureSpeed: rounds: expected an integer >= 1, got 1.5");
  await expect(run({ roundMs: -1 })).rejects.toThrow("measureSpeed: roundMs: expected a number >= 0, got -1");
  await expect(run({ seconds: 1 })).rejects.toThrow(/measureSpeed: .*seconds/);
  await expect(run({}, [])).rejects.toThrow("measureSpeed: expected one way or more, got none");
  expect(log).toEqual([]);
  const abort = new AbortController();
  const stopped = run({ rounds: 5, roundMs: 0, onRound: () => abort.abort(), signal: abort.signal });
  await expect(stopped).rejects.toThrow("aborted");
  expect(log.at(-1)).toBe("a close");
  expect(log.filter((line) => line === "a logits")).toHaveLength(2);
});

test("computes medians, quartiles and differences", () => {
  expect(spreadOf([5, 1, 3, 2, 4])).toEqual({ median: 3, low: 2, high: 4 });
  expect(spreadOf([1, 2])).toEqual({ median: 1.5, low: 1.25, high: 1.75 });
  expect(largestDifference(Float32Array.of(1, -4), Float32Array.of(2, -4))).toBe(0.25);
  expect(largestDifference(Float32Array.of(1), Float32Array.of(1, 2))).toBeNaN();
});
