// Feeds hundreds of corrupt files to every parser. Each must be read, or refused with a one-line error of the parser, quickly
// and with little memory. `npm run fuzz` runs any number of them.
import { afterAll, describe, expect, test } from "vitest";
import { fuzz, fuzzInput } from "./support/fuzz.ts";
import { fuzzTargets } from "./support/fuzz_targets.ts";

const { targets, remove } = await fuzzTargets();
afterAll(remove);

/** Numbers of inputs for parsers that need a thread or a file per input. */
const COUNTS: Readonly<Record<string, number>> = { parquet: 120, recipe: 120, avif: 60 };

describe("fuzzed files", () => {
  test.each(targets)("$name", async (target) => {
    const report = await fuzz(target, { count: COUNTS[target.name] ?? 250, seed: 11 });
    // Time is not checked, since the machine may be busy. A hang ends the test, and `npm run fuzz` checks the time.
    expect(report.findings.filter(({ kind }) => kind !== "slow")).toEqual([]);
    // A corrupt line of metrics is skipped, so that no file is refused.
    if (target.name !== "metrics") expect(report.refused).toBeGreaterThan(0);
  });

  test.each(targets)("$name: the valid files are read", async ({ seeds, parse, name }) => {
    // These seeds include a file that is refused on purpose: os.system and similar names.
    if (name.startsWith("pth") || name === "pickle") return;
    for (const seed of seeds) await parse(seed);
  });
});

test("inputs are deterministic", () => {
  const seeds = [Uint8Array.of(1, 2, 3, 4, 5), Uint8Array.of(9, 8, 7)];
  for (let i = 0; i < 50; i++) expect(fuzzInput(seeds, 1, i)).toEqual(fuzzInput(seeds, 1, i));
  expect(seeds).toEqual([Uint8Array.of(1, 2, 3, 4, 5), Uint8Array.of(9, 8, 7)]);
});
