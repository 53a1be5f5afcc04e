// Damaged files by the hundred, for every parser: read, or refused in a line of the parser's own, soon and in little memory.
// `npm run fuzz` does the same with as many as asked for.
import { afterAll, describe, expect, test } from "vitest";
import { fuzz, fuzzInput } from "./support/fuzz.ts";
import { fuzzTargets } from "./support/fuzz_targets.ts";

const { targets, remove } = await fuzzTargets();
afterAll(remove);

/** Fewer where an input takes a thread or a file. */
const COUNTS: Readonly<Record<string, number>> = { parquet: 120, recipe: 120, avif: 60 };

describe("fuzzed files", () => {
  test.each(targets)("$name", async (target) => {
    const report = await fuzz(target, { count: COUNTS[target.name] ?? 250, seed: 11 });
    // Not by time: the machine may be busy. A hang ends the test, and `npm run fuzz` looks at the clock.
    expect(report.findings.filter(({ kind }) => kind !== "slow")).toEqual([]);
    // A line of metrics that is damaged costs itself only: nothing is refused there.
    if (target.name !== "metrics") expect(report.refused).toBeGreaterThan(0);
  });

  test.each(targets)("$name: the sound files are read", async ({ seeds, parse, name }) => {
    // One of what torch.save writes is not read, by name: os.system and the like.
    if (name.startsWith("pth") || name === "pickle") return;
    for (const seed of seeds) await parse(seed);
  });
});

test("an input is the same each time, and of its number", () => {
  const seeds = [Uint8Array.of(1, 2, 3, 4, 5), Uint8Array.of(9, 8, 7)];
  for (let i = 0; i < 50; i++) expect(fuzzInput(seeds, 1, i)).toEqual(fuzzInput(seeds, 1, i));
  expect(seeds).toEqual([Uint8Array.of(1, 2, 3, 4, 5), Uint8Array.of(9, 8, 7)]);
});
