// Parquet files of the hub: rows read by groups, wrong columns named.
import { join } from "node:path";
import { parquetWriteBuffer } from "hyparquet-writer";
import { describe, expect, test } from "vitest";
import { epochOrder } from "../../src/images/order.ts";
import { openParquet } from "../../src/images/parquet.ts";
import { parquetOf, type Row, temporaryFolder, writeFiles } from "./files.ts";

const root = temporaryFolder();
let count = 0;
const file = (bytes: Uint8Array | string): string => {
  const name = `${count++}.parquet`;
  return join(writeFiles(root, { [name]: bytes }), name);
};
const row = (i: number): Row => ({ bytes: Uint8Array.of(200, i, 255, 0), label: i % 3 });
const rows = (n: number, first = 0) => Array.from({ length: n }, (_, i) => row(first + i));

describe("rows", () => {
  test("keeps bytes over groups and files, with the names of the metadata", async () => {
    const names = ["ant", "bee", "cat"];
    const source = await openParquet([file(parquetOf(rows(8), names)), file(parquetOf(rows(4, 8), names))]);
    expect(source.length).toBe(12);
    expect(source.classes).toEqual(names);
    expect([...(source.groups?.starts ?? [])]).toEqual([0, 3, 6, 8, 11]);
    for (const i of [11, 0, 7, 8, 3]) {
      expect([...(await source.read(i))]).toEqual([200, i, 255, 0]);
      expect(source.label(i)).toBe(i % 3);
    }
    expect(source.key(9)).toMatch(/parquet row 1$/);
    await source.close();
  });

  test("uses numbers as classes without names", async () => {
    const source = await openParquet([file(parquetOf(rows(5), null))]);
    expect(source.classes).toEqual(["0", "1", "2"]);
    await source.close();
  });
});

describe("refusals", () => {
  test("wrong columns, with those expected and found", async () => {
    const bytes = parquetWriteBuffer({
      columnData: [
        { name: "text", data: ["a", "b"], type: "STRING" },
        { name: "label", data: [1, 2], type: "INT32" },
      ],
    });
    const path = file(new Uint8Array(bytes));
    const expected =
      "expected the columns image or img{bytes, path} and label or fine_label or labels of integers or names";
    await expect(openParquet([path])).rejects.toThrow(`${path}: ${expected}, got text BYTE_ARRAY; label INT32`);
  });

  test("uses only the named columns", async () => {
    const path = file(parquetOf(rows(2), null));
    await expect(openParquet([path], { labelColumn: "class" })).rejects.toThrow(
      /expected the columns .* class of integers or names, got image\{bytes, path\}; label INT64/,
    );
  });

  test("refuses a file that is no parquet, truncated, missing or empty", async () => {
    await expect(openParquet([file("not parquet at all")])).rejects.toThrow(/not a complete parquet file/);
    await expect(openParquet([file(parquetOf(rows(4), null).subarray(0, -9))])).rejects.toThrow(
      /not a complete parquet/,
    );
    await expect(openParquet([join(root, "none.parquet")])).rejects.toThrow(/none.parquet: no such file/);
    await expect(openParquet([])).rejects.toThrow(/at least one file/);
  });

  test("refuses missing and unknown labels, and rows without bytes", async () => {
    await expect(openParquet([file(parquetOf([row(0), { ...row(1), label: null }], null))])).rejects.toThrow(
      /row 1: label: expected an integer from 0 to \d+, got null/,
    );
    await expect(openParquet([file(parquetOf([row(0), { ...row(1), label: -1 }], ["a"]))])).rejects.toThrow(
      /row 1: label: expected one of 1 classes .*, got -1/,
    );
    const source = await openParquet([file(parquetOf([row(0), { bytes: null, label: 0 }], null))]);
    await expect(source.read(1)).rejects.toThrow(/row 1: image has no bytes/);
    await source.close();
  });
});

describe("the order by groups", () => {
  const grouped = { length: 40, groups: { starts: Uint32Array.of(0, 8, 16, 24, 32), together: 2 } };

  test("has every image once, and few groups at a time", () => {
    const order = epochOrder(grouped, 3, 1, true);
    expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, i) => i));
    for (let first = 0; first < 40; first += 16) {
      const used = new Set([...order.subarray(first, first + 16)].map((i) => Math.floor(i / 8)));
      expect(used.size).toBeLessThanOrEqual(2);
    }
    expect([...epochOrder(grouped, 3, 1, true)]).toEqual([...order]);
    expect([...epochOrder(grouped, 3, 2, true)]).not.toEqual([...order]);
  });

  test("is as stored for evaluation", () => {
    expect([...epochOrder(grouped, 3, 1, false)]).toEqual(Array.from({ length: 40 }, (_, i) => i));
  });
});
