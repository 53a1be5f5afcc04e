// Classes set against each other by name, and what their counts tell.
import { describe, expect, test } from "vitest";
import { checkCounts, countsOf } from "../../src/data/class_counts.ts";
import {
  areNamed,
  expectKnown,
  lookAlikes,
  matchClasses,
  nameList,
  nearName,
  numberOrder,
} from "../../src/data/class_names.ts";
import { checkParts } from "../../src/data/parts.ts";

describe("names", () => {
  test("numbers from 0 in order are not names", () => {
    expect([["0", "1"], ["a"], ["1", "2"], ["0", "1", "10"], []].map(areNamed)).toEqual([
      false,
      true,
      true,
      true,
      false,
    ]);
  });

  test("matches another order, a part, and other names", () => {
    expect(matchClasses(["b", "a"], ["a", "b", "c"])).toEqual({
      map: Int32Array.of(1, 0),
      same: false,
      unknown: [],
      unused: ["c"],
    });
    expect(matchClasses(["a", "x"], ["a"])).toMatchObject({ map: Int32Array.of(0, -1), unknown: ["x"], unused: [] });
    expect(matchClasses(["\u00e9"], ["e\u0301"])).toMatchObject({ same: true });
  });

  test("refuses an unknown name with both lists", () => {
    const where = (name: string) => `val/${name}`;
    expect([...expectKnown(where, ["b"], ["a", "b"])]).toEqual([1]);
    expect(() => expectKnown(where, ["b", "Great-Dane"], ["b", "great dane"])).toThrow(
      "val/Great-Dane: expected a class of the train images (b, great dane) (did you mean great dane?)",
    );
    expect(nearName("x", ["y"])).toBeNull();
  });

  test("notes on similar names and on numbers sorted as text", () => {
    expect(nameList(Array.from("abcdefghij"))).toBe("a, b, c, d, e, f, g, h and 2 more");
    expect(lookAlikes(["a_b", "A B"])).toBe(
      "the classes a_b and A B differ only in case or punctuation; they count as two",
    );
    expect(lookAlikes(["a", "b"])).toBeNull();
    expect(numberOrder(["1", "10", "2"])).toBe("class names are numbers, sorted as text: 1, 10, 2");
    expect([numberOrder(["1", "2", "3"]), numberOrder(["a", "10"]), numberOrder(["7"])]).toEqual([null, null, null]);
  });
});

describe("counts", () => {
  const numbers = (n: number) => Array.from({ length: n }, (_, i) => String(i));
  const counts = (...values: number[]) => Uint32Array.from(values);

  test("count the samples of each class", () => {
    const labels = [0, 2, 2];
    expect([...countsOf({ length: 3, classes: numbers(4) }, (i) => labels[i]!)]).toEqual([1, 0, 2, 0]);
  });

  test("refuse a single class, even if more are listed", () => {
    expect(() => checkCounts({ name: "d", classes: ["a", "b"] }, counts(0, 4), counts(1, 1))).toThrow(
      "d: expected at least two classes: all 4 samples are of class b",
    );
  });

  test("refuse 256 classes because of one label of 255", () => {
    const train = new Uint32Array(256).fill(3, 0, 10);
    train[255] = 1;
    expect(() => checkCounts({ name: "d", classes: numbers(256) }, train, train)).toThrow(
      "d: the labels are 0..9, 255: a network of 256 classes, of which 245 have no sample; expected labels from 0 without such gaps",
    );
    // A list of names says that they are classes.
    expect(checkCounts({ name: "d", classes: numbers(256), listed: true }, train, train)).toHaveLength(1);
  });

  test("refuse two parts if one of them counts from 1", () => {
    expect(() => checkCounts({ name: "d", classes: numbers(4) }, counts(0, 2, 2, 2), counts(1, 1, 1, 0))).toThrow(
      "d: the training labels are 1..3, the test labels 0..2: expected both parts to count from the same number",
    );
    expect(checkCounts({ name: "d", classes: numbers(4) }, counts(0, 2, 2, 2), counts(0, 1, 1, 1))).toEqual([
      "the labels start at 1: class 0 has no sample, so the first output is not trained",
    ]);
  });

  test("name classes without samples in either part", () => {
    expect(checkCounts({ name: "d", classes: ["a", "b", "c"] }, counts(2, 0, 9), counts(1, 4, 0))).toEqual([
      "classes without training samples: b",
      "classes with test samples but no training samples: b",
      "classes without test samples: c",
    ]);
    expect(checkCounts({ name: "d", classes: ["a", "b"] }, counts(2, 2), counts(1, 1))).toEqual([]);
  });
});

test("refuses test samples of another shape", () => {
  expect(() => checkParts("d", { shape: [1, 28, 28] }, { shape: [1, 14, 14] })).toThrow(
    "d: test samples: expected [1, 28, 28] as the training samples, got [1, 14, 14]",
  );
  expect(() => checkParts("d", { shape: [4, 8, 8], timeSteps: 2 }, { shape: [4, 8, 8], timeSteps: 1 })).toThrow(
    /\[4, 8, 8\] of 1 time steps/,
  );
  checkParts("d", { shape: [1, 28, 28] }, { shape: [1, 28, 28] });
});
