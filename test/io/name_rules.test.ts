// Prefixes of wrappers at any depth, removed if all names then fit.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bestNames, fittingParts, type WeightsFit } from "../../src/io/name_rules.ts";

const own = ["conv1.weight", "conv1.bias", "layer1.0.conv.weight", "layer1.0.bn.running_mean", "fc.weight", "fc.bias"];
const wanted = new Set(own);
const rate = (entries: ReadonlyMap<string, unknown>): WeightsFit => {
  const names = [...entries.keys()].filter((name) => !/(^|\.)(n_averaged|num_batches_tracked)$/.test(name));
  const loaded = names.filter((name) => wanted.has(name)).length;
  return { loaded, trouble: wanted.size - loaded + names.length - loaded };
};
const entriesOf = (names: readonly string[]) => new Map(names.map((name) => [name, name]));
const best = (names: readonly string[]) => bestNames(entriesOf(names), rate).best;

test("keeps names that fit, without a message", () => {
  expect(best(own)).toMatchObject({ words: [], fit: { loaded: own.length, trouble: 0 } });
});

test("removes prefixes at any depth in any order", () => {
  const part = fc.constantFrom(
    "module",
    "_orig_mod",
    "model",
    "net",
    "backbone",
    "encoder",
    "student",
    "_forward_module",
  );
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 5 }), (parts) => {
      const prefix = `${parts.join(".")}.`;
      const found = bestNames(entriesOf(own.map((name) => prefix + name)), rate);
      expect(found.others).toEqual([]);
      expect([...found.best.entries.keys()]).toEqual(own);
      expect(found.best.words.length).toBeGreaterThan(0);
    }),
    { numRuns: 200 },
  );
});

describe("the message", () => {
  test.each<[string, (name: string) => string, readonly string[]]>([
    ["DataParallel", (name) => `module.${name}`, ["names translated: data-parallel"]],
    ["a prefix of two parts", (name) => `model.backbone.${name}`, ['took "model.backbone." off all names']],
    [
      "a layer that was compiled",
      (name) => name.replace("layer1.0.", "layer1._orig_mod.0."),
      ['took "_orig_mod." out of the names'],
    ],
    ["features in parallel", (name) => name.replace("conv1.", "module.conv1."), ['took "module." out of the names']],
    [
      "a prefix of some",
      (name) => (name.startsWith("fc.") ? name : `body.${name}`),
      ['took "body." off the names that have it'],
    ],
  ])("%s", (_, rename, words) => {
    const found = best(own.map(rename));
    expect([...found.entries.keys()].sort()).toEqual([...own].sort());
    expect(found.words).toEqual(words);
  });
});

test("ignores counters of averaged models beside the prefix", () => {
  const names = ["n_averaged", ...own.map((name) => `module.${name}`)];
  expect([...best(names).entries.keys()]).toEqual(["n_averaged", ...own]);
});

test("keeps the names that fit best if no rule fits", () => {
  const found = best(own.slice(0, 3).map((name) => `module.${name}`));
  expect(found.fit).toEqual({ loaded: 3, trouble: 3 });
  expect(best(["a", "b.c"]).words).toEqual([]);
});

test("rejects a renaming that merges two arrays", () => {
  const names = [...own, "module.fc.bias"];
  expect(best(names).entries.size).toBe(names.length);
});

test("names the parts of a file that fit, with their prefixes", () => {
  const both = [...own.map((name) => `student.${name}`), ...own.map((name) => `teacher.backbone.${name}`), "center"];
  const parts = fittingParts(entriesOf(both), rate).map(({ prefix, count }) => [prefix, count]);
  expect(parts).toEqual(
    expect.arrayContaining([
      ["student", 6],
      ["teacher.backbone", 6],
    ]),
  );
});

test("ends for names without a dot and for hostile names", () => {
  for (const names of [[""], ["."], ["..."], [".a", ".b"], ["__proto__", "constructor"], ["a.".repeat(500)]])
    expect(best(names).entries.size).toBe(names.length);
});

test("does not count the position of an averaged model's counter as a second renaming", () => {
  const found = bestNames(entriesOf(["model.n_averaged", ...own.map((name) => `model.module.${name}`)]), (entries) => {
    const { loaded, trouble } = rate(entries);
    return { loaded, trouble: trouble - Number(["n_averaged", "module.n_averaged"].some((name) => entries.has(name))) };
  });
  expect(found.others).toEqual([]);
  expect(found.best.fit).toEqual({ loaded: own.length, trouble: 0 });
});
