// The two choices on the host: SNIP's smallest scores, and random indices.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { drawn } from "../../../src/prune/methods/random.ts";
import { smallest } from "../../../src/prune/methods/snip.ts";

const score = fc.oneof(fc.double({ min: 0, max: 10, noNaN: true }), fc.constantFrom(0, 1, 2));
const lists = fc
  .array(fc.array(score, { maxLength: 40 }), { minLength: 1, maxLength: 5 })
  .map((all) => all.map((s) => Float64Array.from(s)));
const share = fc.double({ min: 0, max: 1, noNaN: true });

describe("the smallest scores of all lists together", () => {
  test("are the floor of the share, and no other score is smaller; of equal scores the first", () => {
    fc.assert(
      fc.property(lists, share, (scores, part) => {
        const gone = smallest(scores, part);
        const total = scores.reduce((n, s) => n + s.length, 0);
        expect(gone).toHaveLength(scores.length);
        expect(gone.reduce((n, g) => n + g.length, 0)).toBe(Math.floor(part * total));
        // A stable sort by score is the reference.
        const all = scores.flatMap((s, list) => [...s].map((value, i) => ({ value, list, i })));
        const first = all.sort((a, b) => a.value - b.value).slice(0, Math.floor(part * total));
        gone.forEach((places, list) => {
          const want = first.filter((f) => f.list === list).map((f) => f.i);
          expect([...places]).toEqual(want.sort((a, b) => a - b));
        });
      }),
    );
  });

  test("does not change the scores, and takes infinite ones last", () => {
    const scores = [Float64Array.of(3, Number.POSITIVE_INFINITY, 1), Float64Array.of(2, 0)];
    expect(smallest(scores, 0.8).map((g) => [...g])).toEqual([
      [0, 2],
      [0, 1],
    ]);
    expect([...scores[0]!]).toEqual([3, Number.POSITIVE_INFINITY, 1]);
  });

  test("grows with the share: a larger share includes a smaller one", () => {
    fc.assert(
      fc.property(lists, share, share, (scores, a, b) => {
        const [less, more] = [Math.min(a, b), Math.max(a, b)].map((s) => smallest(scores, s));
        less!.forEach((places, k) => {
          expect([...more![k]!]).toEqual(expect.arrayContaining([...places]));
        });
      }),
    );
  });
});

describe("random indices", () => {
  const size = fc.integer({ min: 1, max: 400 });
  const seed = fc.integer({ min: 0, max: 0xffffffff });
  const layer = fc.integer({ min: 0, max: 1000 });

  test("have the given count, are distinct and in range", () => {
    fc.assert(
      fc.property(size, share, seed, layer, (n, part, s, l) => {
        const count = Math.floor(part * n);
        const places = drawn(n, count, s, l);
        expect(places).toHaveLength(count);
        expect(new Set(places).size).toBe(count);
        expect(places.every((i) => i < n)).toBe(true);
      }),
    );
  });

  test("are a function of seed and layer", () => {
    fc.assert(
      fc.property(seed, seed, layer, layer, (s, t, l, m) => {
        const places = [...drawn(300, 150, s, l)];
        expect([...drawn(300, 150, s, l)]).toEqual(places);
        if (s !== t) expect([...drawn(300, 150, t, l)]).not.toEqual(places);
        if (l !== m) expect([...drawn(300, 150, s, m)]).not.toEqual(places);
      }),
    );
  });

  test("are equally likely, alone and in pairs", () => {
    const [n, count, draws] = [10, 3, 6000];
    const single = new Float64Array(n);
    const pairs = new Float64Array(n * n);
    for (let s = 0; s < draws; s++) {
      const places = drawn(n, count, s, s % 7);
      for (const i of places) {
        single[i]!++;
        for (const j of places) if (i < j) pairs[i * n + j]!++;
      }
    }
    // Within five standard deviations of the binomial's mean.
    const near = (got: number, p: number) => Math.abs(got - draws * p) < 5 * Math.sqrt(draws * p * (1 - p));
    for (const got of single) expect(near(got, count / n), `${got}`).toBe(true);
    const together = (count * (count - 1)) / (n * (n - 1));
    for (let i = 0; i < n; i++) {
      for (let j = i + 1; j < n; j++) expect(near(pairs[i * n + j]!, together), `${i}, ${j}`).toBe(true);
    }
  });
});
