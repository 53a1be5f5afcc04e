// The checks of a resumed run against the configuration, the plan and the data of its checkpoint.
import { describe, expect, test } from "vitest";
import { fingerprintOf } from "../../src/recipe/data_fingerprint.ts";
import { DEFAULT_RECIPE, type Recipe } from "../../src/recipe/recipe.ts";
import { boardStateSchema } from "../../src/run/board_files.ts";
import {
  checkData,
  checkPast,
  checkResume,
  type FoundRun,
  hostState,
  isAtEnd,
  planResume,
  type ResumePlan,
} from "../../src/run/resume.ts";
import { UsageError } from "../../src/terminal/fail.ts";
import { squares } from "../support/shapes.ts";

const was: Recipe = { ...DEFAULT_RECIPE, out: "runs/a", lr: { ...DEFAULT_RECIPE.lr, schedule: "constant" } };
const train = squares(64, 8, 1);
const data = await fingerprintOf({ train, test: squares(16, 8, 2), layout: "idx" });

function found(config: unknown = was, more: Partial<FoundRun["progress"]> = {}): FoundRun {
  const progress = { step: 6, epoch: 1, batch: 2, seed: 0, threshold: 0.05, bestAccuracy: 0.5, config, ...more };
  return { root: "runs/a", path: "checkpoints/step_00000006.safetensors", progress, hasModel: false };
}

const planned = (change: Partial<Recipe>, run = found()): ResumePlan => planResume(run, { ...was, ...change });

describe("settings", () => {
  test("are unchanged in another order or folder", () => {
    expect(planResume(found(), { ...was, out: "moved/a" }).changes).toEqual([]);
    const shuffled = Object.fromEntries(Object.entries(was).reverse());
    expect(planResume(found(JSON.parse(JSON.stringify(shuffled))), was).changes).toEqual([]);
  });

  test("that are fixed are refused, all in one line with both values", () => {
    expect(() => planned({ seed: 9, momentum: 0.5 })).toThrow(UsageError);
    expect(() => planned({ seed: 9, momentum: 0.5 })).toThrow(
      "runs/a: cannot resume with other settings: momentum: expected 0.9 as in the run, got 0.5; seed: expected 0 as in the run, got 9. " +
        "For a new run, pass the other settings to: npm run -s espalier -- train runs/a/config.yaml --out FOLDER",
    );
  });

  test("of micro-batches may change, with a note", () => {
    const plan = planned({ microBatch: 4 });
    expect(plan.changes).toEqual([{ path: "microBatch", rule: "noted", was: undefined, now: 4 }]);
    const run = found(was, { step: 6 });
    const same = checkResume(
      { ...plan, progress: { ...run.progress, host: { data } } as never },
      { train, stepsPerEpoch: 4, data },
    );
    expect(same).toEqual(["from step 6 on: microBatch: none -> 4; later numbers differ from those of the old setting"]);
  });

  test("that are newer than the checkpoint have their defaults", () => {
    const { trail: _, ...older } = was;
    expect(planResume(found(older), was).changes).toEqual([]);
  });

  test("that no longer exist are refused, not dropped", () => {
    expect(() => planResume(found({ ...was, annealing: 3 }), was)).toThrow(
      "annealing: expected 3 as in the run, got none",
    );
  });

  test("are required in a checkpoint", () => {
    for (const config of [null, 3, [], "x"]) {
      expect(() => planResume(found(config), was)).toThrow(
        "expected the checkpoint of a run, got one without a configuration",
      );
    }
  });
});

describe("length", () => {
  const constant = { prune: { ...was.prune, window: 1 } };

  test("may change if the past steps stay the same, else is refused with the difference", () => {
    const run = found({ ...was, ...constant });
    expect(() => checkPast(planned({ ...constant, epochs: 9 }, run), train, 4)).not.toThrow();
    expect(() => checkPast(planned({ epochs: 9 }), train, 4)).toThrow(
      /epochs: expected 3 as in the run, got 9: the threshold at step 0 was [\d.]+ and would have been [\d.]+ \(prune\.schedule lats depends on the length of the run\)/,
    );
  });

  test("is not checked if unchanged", () => {
    expect(() => checkPast(planned({ logEvery: 2 }), train, 4)).not.toThrow();
  });

  test("ends after the last test", () => {
    const at = (epoch: number, batch: number) => isAtEnd(planned({}, found(was, { epoch, batch })));
    expect([at(2, 4), at(3, 0), at(2, 0)]).toEqual([false, true, false]);
  });
});

describe("data", () => {
  const with_ = (host: unknown): ResumePlan => ({ ...planned({}), progress: { ...found().progress, host } });

  test("pass if equal, and are refused with the difference if not", async () => {
    expect(checkData(with_({ data }), data)).toBeNull();
    const fewer = await fingerprintOf({ train: squares(60, 8, 1), test: squares(16, 8, 2), layout: "idx" });
    expect(() => checkData(with_({ data }), fewer)).toThrow(
      "cannot resume with other settings: other data: the training part had 64 samples, now it has 60",
    );
  });

  test("are not compared without a fingerprint, with a note", () => {
    for (const host of [undefined, null, {}, { data: 3 }, { data: { layout: "idx" } }])
      expect(checkData(with_(host), data)).toMatch(/has no fingerprint of its data: the data are not compared$/);
  });
});

test("reads the host's state field by field, without invalid fields", () => {
  const board = { files: { a: 3 }, mark: null };
  expect(boardStateSchema.parse(board)).toEqual(board);
  expect(hostState({ elapsed: 3, scheduled: false, data, board, damaged: ["x"], epochSeconds: 1 })).toEqual({
    elapsed: 3,
    scheduled: false,
    data,
    board,
    damaged: ["x"],
  });
  for (const host of [undefined, null, 3, [], "x"]) expect(hostState(host)).toEqual({});
  const bad = { elapsed: -1, scheduled: 1, data: [], board: { files: { a: "x" } }, damaged: [3] };
  expect(Object.values(hostState(bad)).every((value) => value === undefined)).toBe(true);
});
