// CSV files as data sets: fields, columns, classes, parts, scales, and refusals that name row and column.
import { describe, expect, test } from "vitest";
import { Folder, open, refusal } from "./files.ts";

const rows = (count: number) =>
  Array.from({ length: count }, (_, i) => `${i},${i % 2 === 0 ? "even" : "odd"},${2 * i + 1}`).join("\n");

describe("fields", () => {
  test("are separated by commas, semicolons or tabs, may be quoted, and lose blanks at their ends", async () => {
    using folder = new Folder();
    for (const mark of [",", ";", "\t"]) {
      const text = [`"a ""x""${mark} 1"`, "b", "y"].join(mark);
      const lines = ["1", '"2.5"', " 3 "].join(mark);
      const file = folder.file("a.csv", `\uFEFF${text}\r\n${lines}\r\n\r\n${["4", "5e-1", "-.5"].join(mark)}\r\n`);
      const { train, test: held, info } = await open(file, { targets: ["y"], heldOut: 0.5 });
      expect(info.inputs).toEqual([`a "x"${mark} 1`, "b"]);
      const all = [...train.x, ...held.x].sort((a, b) => a - b);
      expect(all).toEqual([0.5, 1, 2.5, 4]);
      expect([...train.y, ...held.y].sort((a, b) => a - b)).toEqual([-0.5, 3]);
    }
  });

  test("without a header columns are numbered from 1", async () => {
    using folder = new Folder();
    const file = folder.file("a.csv", "1,2,3\n4,5,6\n7,8,9\n10,11,12\n");
    const { train, info } = await open(file, { targets: ["2"], header: false });
    expect(info.inputs).toEqual(["1", "3"]);
    expect(train.length).toBe(3);
  });
});

describe("targets", () => {
  test("of text are classes in the order of their names, numbers are numbers unless asked for", async () => {
    using folder = new Folder();
    const file = folder.file("a.csv", `n,parity,double\n${rows(12)}`);
    const text = await open(file, { inputs: ["n"], targets: ["parity"] });
    expect(text.train.classes).toEqual(["even", "odd"]);
    expect(text.train.y).toBeInstanceOf(Int32Array);
    for (const [i, n] of text.train.x.entries()) expect(text.train.y[i]).toBe(n % 2);
    const numbers = await open(file, { inputs: ["n"], targets: ["double", "n"].slice(0, 1) });
    expect(numbers.train.classes).toEqual([]);
    expect(numbers.train.targetShape).toEqual([1]);
    for (const [i, n] of numbers.train.x.entries()) expect(numbers.train.y[i]).toBe(2 * n + 1);
    const classes = await open(file, { inputs: ["n"], targets: ["double"], kind: "classes" });
    expect(classes.train.classes.slice(0, 3)).toEqual(["1", "3", "5"]);
    expect(classes.train.classes.at(-1)).toBe("23");
  });

  test("may be several columns", async () => {
    using folder = new Folder();
    const file = folder.file("a.csv", "x,a,b\n1,0,1\n2,1,1\n3,0,0\n4,1,0\n");
    const { train } = await open(file, { targets: ["b", "a"], labels: true });
    expect(train.targetShape).toEqual([2]);
    for (const [i, n] of train.x.entries()) expect(train.y[2 * i + 1]).toBe(n % 2 === 0 ? 1 : 0);
  });
});

describe("parts", () => {
  test("are held out by share and seed: disjoint, complete, and the same again", async () => {
    using folder = new Folder();
    const file = folder.file("a.csv", `n,parity,double\n${rows(40)}`);
    const choose = { inputs: ["n"], targets: ["double"] };
    const [a, b, c] = [
      await open(file, choose),
      await open(file, choose),
      await open(file, { ...choose, splitSeed: 1 }),
    ];
    expect(a.test.length).toBe(10);
    expect([...a.train.x, ...a.test.x].sort((p, q) => p - q)).toEqual(Array.from({ length: 40 }, (_, i) => i));
    expect(a.test.x).toEqual(b.test.x);
    expect(a.test.x).not.toEqual(c.test.x);
    expect(a.from.test).toBe("held out 0.25 of a.csv (seed 0)");
  });

  test("are files named train and test in a folder, or a file of test samples", async () => {
    using folder = new Folder();
    folder.file("train.csv", `n,parity,double\n${rows(6)}`);
    const file = folder.file("houses_test.csv", `n,parity,double\n${rows(3)}`);
    const choose = { inputs: ["n"], targets: ["double"] };
    const named = await open(folder.path, choose);
    expect([named.train.length, named.test.length]).toEqual([6, 3]);
    const given = await open(`${folder.path}/train.csv`, { ...choose, testFile: file });
    expect([given.train.length, given.test.length]).toEqual([6, 3]);
    folder.file("other.csv", "n\n1\n");
    expect(await refusal(folder.path, choose)).toMatch(/expected one file, or files named train and test, got /);
  });
});

test("inputs and targets are standardised by the training part", async () => {
  using folder = new Folder();
  folder.file("train.csv", "a,b,y\n1,5,10\n3,5,30\n");
  folder.file("test.csv", "a,b,y\n5,7,20\n");
  const { train, test: held, info } = await open(folder.path, { targets: ["y"], standardise: true });
  expect(info.x).toEqual({ mean: [2, 5], std: [1, 1] });
  expect(info.y).toEqual({ mean: [20], std: [10] });
  expect([...train.x]).toEqual([-1, 0, 1, 0]);
  expect([...held.x]).toEqual([3, 2]);
  expect([...train.y]).toEqual([-1, 1]);
  expect([...held.y]).toEqual([0]);
});

describe("refused", () => {
  const cases: [name: string, text: string, message: string, options?: Parameters<typeof refusal>[1]][] = [
    ["a missing value", "a,b\n1,2\n,3\n", "table: a.csv: row 3, column a: expected a number, got a missing value"],
    [
      "a missing value by name",
      "a,b\n1,2\n2,NA\n",
      "table: a.csv: row 3, column b: expected a number, got a missing value",
    ],
    ["text among numbers", "a,b\n1,2\nred,3\n", 'table: a.csv: row 3, column a: expected a number, got "red"'],
    ["a number beyond float32", "a,b\n1e99,2\n2,3\n", 'table: a.csv: row 2, column a: expected a number, got "1e99"'],
    ["rows of unequal length", "a,b\n1,2\n3\n", "csv: a.csv: line 3: expected 2 fields as in the first row, got 1"],
    ["a quote that is not closed", 'a,b\n1,"2\n', "csv: a.csv: line 2: a quote is not closed"],
    ["columns of one name", "a,a\n1,2\n", 'csv: a.csv: expected columns of different names, got two named "a"'],
    ["a header alone", "a,b\n", "csv: a.csv: expected rows below the header, got none"],
    ["no text", "", "csv: a.csv: expected rows, got none"],
    [
      "an unknown column",
      "alpha,b\n1,2\n3,4\n",
      "a.csv: inputs: expected columns of alpha, b, got alpah (did you mean alpha?)",
      { inputs: ["alpah"] },
    ],
    [
      "no targets",
      "a,b\n1,2\n",
      "a.csv: targets: expected the columns to predict (--targets) of a, b, got none",
      { targets: undefined },
    ],
    [
      "a label beyond 1",
      "a,b\n1,0\n1,1\n1,2\n",
      "a.csv: row 4, column b: expected a number from 0 to 1, for loss bce-with-logits, got 2",
      { labels: true, heldOut: 0.3 },
    ],
    ["a single class", "a,b\n1,x\n2,x\n3,x\n4,x\n", "a.csv: expected 2 to 65536 classes, got 1"],
  ];
  test.each(cases)("%s", async (_, text, message, options = {}) => {
    using folder = new Folder();
    const file = folder.file("a.csv", text);
    expect(await refusal(file, { targets: ["b"], ...options })).toBe(message);
  });

  test("bytes that are no text", async () => {
    using folder = new Folder();
    const file = folder.file("a.csv", Uint8Array.of(0x61, 0xff, 0xfe));
    expect(await refusal(file, { targets: ["b"] })).toBe("csv: a.csv: expected text in UTF-8");
  });

  test("a test part of other columns", async () => {
    using folder = new Folder();
    folder.file("train.csv", "a,b\n1,2\n2,3\n");
    folder.file("test.csv", "c,b\n1,2\n");
    expect(await refusal(folder.path, { targets: ["b"] })).toBe(
      "test.csv: expected inputs a [1], numbers b [1] as in train.csv, got inputs c [1], numbers b [1]",
    );
  });

  test("a class of the test part that the training part lacks", async () => {
    using folder = new Folder();
    folder.file("train.csv", "a,b\n1,x\n2,y\n");
    folder.file("test.csv", "a,b\n1,z\n");
    expect(await refusal(folder.path, { targets: ["b"] })).toBe('test.csv: row 2: expected a class of x, y, got "z"');
  });
});
