// Data sets as the command loads them: what a limit cuts, and what is only for events.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { loadSplits } from "../../src/cli/datasets.ts";
import { squaresFolder } from "../support/idx_folder.ts";

const scratch = mkdtempSync(join(tmpdir(), "espalier-data-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const idx = { name: "idx", dir: squaresFolder(join(scratch, "data"), 80, 30) };

describe("a limit", () => {
  test("of images cuts the training set to so many of each class, and leaves the test set whole", async () => {
    const all = await loadSplits(idx, 1);
    const few = await loadSplits({ ...idx, limit: 3 }, 1);
    expect(few.train.length).toBe(12);
    for (const c of [0, 1, 2, 3]) expect([...few.train.labels].filter((l) => l === c)).toHaveLength(3);
    expect(few.train.mean).toEqual(all.train.mean);
    expect(few.test).toEqual(all.test);
    await expect(loadSplits({ ...idx, limit: 60 }, 1)).rejects.toThrow(
      /^dataset idx: 60 samples of each class are wanted, class \d has \d+$/,
    );
  });

  test("of events cuts both", async () => {
    const { train, test: tested } = await loadSplits({ name: "events", limit: 4, size: 16 }, 2);
    expect([train.length, tested.length]).toEqual([48, 12]);
  });
});

test.each([
  [{ by: "time" }, "data.by: is for event data, idx is images"],
  [{ size: 16 }, "data.size: is for event data, idx is images"],
] as const)("images refuse %o", async (settings, message) => {
  await expect(loadSplits({ ...idx, ...settings }, 1)).rejects.toThrow(message);
});
