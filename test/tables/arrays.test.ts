// NumPy arrays and parquet columns as data sets.
import { parquetWriteBuffer } from "hyparquet-writer";
import { describe, expect, test } from "vitest";
import { type FileArrayInput, writeNpy, writeNpz } from "../../src/io/index.ts";
import { Folder, open, refusal } from "./files.ts";

const f32 = (values: number[], shape: number[]) => ({ dtype: "F32" as const, shape, data: Float32Array.from(values) });
const i64 = (values: number[]) => ({
  dtype: "I64" as const,
  shape: [values.length],
  data: BigInt64Array.from(values.map(BigInt)),
});

describe("npz", () => {
  test("arrays x and y: integers are classes, floats are numbers of any shape", async () => {
    using folder = new Folder();
    const x = f32(
      Array.from({ length: 8 * 6 }, (_, i) => i),
      [8, 2, 3],
    );
    const classes = folder.file(
      "a.npz",
      writeNpz(
        new Map<string, FileArrayInput>([
          ["x", x],
          ["y", i64([0, 1, 2, 0, 1, 2, 0, 1])],
        ]),
      ),
    );
    const a = await open(classes);
    expect(a.train.shape).toEqual([2, 3]);
    expect(a.train.classes).toEqual(["0", "1", "2"]);
    expect([a.train.length, a.test.length]).toEqual([6, 2]);
    const asNumbers = await open(classes, { kind: "numbers" });
    expect(asNumbers.train.targetShape).toEqual([1]);
    const y = f32(
      Array.from({ length: 8 * 4 }, (_, i) => i),
      [8, 2, 2],
    );
    const maps = await open(
      folder.file(
        "b.npz",
        writeNpz(
          new Map([
            ["images", x],
            ["maps", y],
          ]),
        ),
      ),
      {
        inputs: ["images"],
        targets: ["maps"],
      },
    );
    expect(maps.train.targetShape).toEqual([2, 2]);
    expect(maps.train.y.length).toBe(6 * 4);
  });

  test("arrays named _train and _test are parts", async () => {
    using folder = new Folder();
    const x = (n: number) =>
      f32(
        Array.from({ length: 2 * n }, (_, i) => i),
        [n, 2],
      );
    const y = (n: number) =>
      f32(
        Array.from({ length: n }, (_, i) => i),
        [n],
      );
    const arrays = new Map([
      ["x_train", x(5)],
      ["y_train", y(5)],
      ["x_test", x(2)],
      ["y_test", y(2)],
    ]);
    const { train, test: held, info } = await open(folder.file("a.npz", writeNpz(arrays)));
    expect([train.length, held.length]).toEqual([5, 2]);
    expect(info.given).toEqual({ inputs: ["x"], targets: ["y"] });
    using npy = new Folder();
    for (const [name, array] of arrays) npy.file(`${name}.npy`, writeNpy(array));
    const read = await open(npy.path);
    expect(read.layout).toBe("npy");
    expect(read.train.x).toEqual(train.x);
  });

  test("refusals name the array", async () => {
    using folder = new Folder();
    const npz = (arrays: Parameters<typeof writeNpz>[0]) => folder.file("a.npz", writeNpz(arrays));
    const x = f32([1, 2, 3, 4], [2, 2]);
    expect(await refusal(npz(new Map([["x", x]])))).toBe("a.npz: expected an array y, got x");
    expect(
      await refusal(
        npz(
          new Map([
            ["x", x],
            ["y", f32([1, 2, 3], [3])],
          ]),
        ),
      ),
    ).toBe("a.npz: array y: expected 2 targets as samples in x, got 3");
    expect(
      await refusal(
        npz(
          new Map([
            ["x", f32([1, Number.NaN, 3, 4], [2, 2])],
            ["y", f32([1, 2], [2])],
          ]),
        ),
      ),
    ).toBe("a.npz: array x: row 1, number 2: expected a finite number, got NaN");
  });
});

describe("parquet", () => {
  const table = (rows: number) => ({
    columnData: [
      { name: "area", data: Array.from({ length: rows }, (_, i) => i + 0.5), type: "DOUBLE" as const },
      { name: "rooms", data: Int32Array.from({ length: rows }, (_, i) => i % 4), type: "INT32" as const },
      {
        name: "kind",
        data: Array.from({ length: rows }, (_, i) => (i % 2 ? "flat" : "house")),
        type: "STRING" as const,
      },
    ],
  });

  test("columns of numbers are inputs, text is classes", async () => {
    using folder = new Folder();
    const file = folder.file("homes.parquet", new Uint8Array(parquetWriteBuffer(table(20))));
    const { train, test: held, info } = await open(file, { targets: ["kind"] });
    expect(info.inputs).toEqual(["area", "rooms"]);
    expect(train.classes).toEqual(["flat", "house"]);
    expect([train.length, held.length]).toEqual([15, 5]);
    for (let i = 0; i < train.length; i++) {
      const n = train.x[2 * i]! - 0.5;
      expect(train.x[2 * i + 1]).toBe(n % 4);
      expect(train.y[i]).toBe(n % 2 === 0 ? 1 : 0);
    }
  });

  test("a missing value is refused with row and column", async () => {
    using folder = new Folder();
    const columnData = [
      { name: "a", data: [1, null, 3, 4], type: "DOUBLE" as const },
      { name: "b", data: [1, 2, 3, 4], type: "DOUBLE" as const },
    ];
    const file = folder.file("a.parquet", new Uint8Array(parquetWriteBuffer({ columnData })));
    expect(await refusal(file, { targets: ["b"] })).toBe(
      "table: a.parquet: row 2, column a: expected a number, got a missing value",
    );
  });
});
