// The history of resumes in run.json, and its description.
import { expect, test } from "vitest";
import { commandsOf, historyLines, historyOf, lastAdapter, withEntry } from "../../src/run/history.ts";

const entry = (step: number, command = "espalier train --resume r") => ({
  step,
  at: "2030-01-01T00:00:00.000Z",
  command,
});
const epochs = { path: "epochs", rule: "planned", was: 2, now: 3 } as const;

test("keeps entries in order, with changes and adapter", () => {
  const first = withEntry([], entry(4), []);
  const second = withEntry(first, { ...entry(6, "espalier train --resume r --epochs 3"), adapter: "B" }, [epochs]);
  expect(second).toHaveLength(2);
  expect(historyOf(JSON.parse(JSON.stringify({ history: second })))).toEqual(second);
  expect(historyLines(second)).toEqual(["from step 6 on: epochs: 2 -> 3", "from step 6 on: adapter B"]);
  expect(lastAdapter({ adapter: "A" }, first)).toBe("A");
  expect(lastAdapter({ adapter: "A" }, second)).toBe("B");
  expect(lastAdapter({}, [])).toBeNull();
  expect(commandsOf({ command: "espalier train" }, withEntry(second, entry(8), []))).toEqual([
    "espalier train",
    "espalier train --resume r",
    "espalier train --resume r --epochs 3",
  ]);
});

test("lists a repeated change at the same step once, after a kill before the next checkpoint", () => {
  const once = withEntry([], entry(6), [epochs]);
  const twice = withEntry(once, { ...entry(6), at: "2030-01-02T00:00:00.000Z" }, [epochs]);
  expect(historyLines(twice)).toEqual(["from step 6 on: epochs: 2 -> 3"]);
  const other = withEntry(once, entry(6), [{ ...epochs, now: 4 }]);
  expect(historyLines(other)).toHaveLength(2);
});

test("describes a setting that was or becomes none", () => {
  const change = { path: "microBatch", rule: "noted", was: undefined, now: 4 } as const;
  expect(historyLines(withEntry([], entry(6), [change]))).toEqual(["from step 6 on: microBatch: none -> 4"]);
});

test("skips malformed entries: run.json may be edited", () => {
  for (const history of [undefined, null, 3, {}, "x"]) expect(historyOf({ history })).toEqual([]);
  const good = entry(3);
  const bad = [
    null,
    [],
    {},
    { ...good, step: "3" },
    { ...good, changed: [] },
    { ...good, changed: { a: 1 } },
    { ...good, adapter: 1 },
  ];
  expect(historyOf({ history: [...bad, good] })).toEqual([good]);
});
