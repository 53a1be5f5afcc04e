// Bytes of each weight, in sparse files and after a compaction.
import { expect, test } from "vitest";
import { readModelWeights, writeSparseModel } from "../../src/io/index.ts";
import { compactRows, renderStorageTable, sparseRows } from "../../src/report/storage_table.ts";

const plain = { screen: { isTTY: false }, env: {} };
const blocks = Float32Array.from({ length: 16 * 64 }, (_, i) => (i % 64 < 6 ? 1 : 0));
const weights = new Map([
  ["fc.weight", { data: blocks, shape: [16, 64] }],
  ["out.weight", { data: new Float32Array(64).fill(1), shape: [4, 16] }],
  ["fc.bias", { data: new Float32Array(16).fill(1), shape: [16] }],
]);

test("each weight has its format and bytes, and those of the file agree", () => {
  const rows = sparseRows(weights, "block");
  expect(rows.map(({ name, format }) => [name, format])).toEqual([
    ["fc.weight", "block 8"],
    ["out.weight", "dense"],
    ["fc.bias", "dense"],
  ]);
  // 12 blocks of 8 values with a column of one byte each, the size, and pointers of two rows.
  expect(rows[0]).toMatchObject({ dense: 4096, kept: 12 * (32 + 1) + 4 * 4 });
  expect(sparseRows(weights, "bitmask")[0]).toMatchObject({ format: "bitmask", kept: 4 * 96 + 128 });
  expect(sparseRows(weights, "csr")[0]).toMatchObject({ format: "csr", kept: 5 * 96 + 4 * 17 });
  expect(
    readModelWeights(writeSparseModel(weights, {}, { layout: "block" }), "m").weights.get("fc.weight")!.data,
  ).toEqual(blocks);
  const table = renderStorageTable(rows, plain);
  expect(table).toMatch(/\| fc\.weight +\| 4,096 \| +412 \| block 8 \|/);
  expect(table).toMatch(/\| 2 other arrays \| +320 \| +320 \| dense +\|/);
  expect(table).toMatch(/\| total +\| 4,416 \| +732 \| +\|/);
});

test("a compacted model has its bytes beside those of the smallest sparse file", () => {
  const after = new Map([["fc.weight", { data: blocks.slice(0, 512), shape: [8, 64] }]]);
  const rows = compactRows(weights, after);
  expect(rows).toEqual([{ name: "fc.weight", dense: 4096, kept: 2048, format: "block 8", sparse: 6 * 33 + 12 }]);
  expect(renderStorageTable(rows, plain)).toMatch(/\| fc\.weight \| 4,096 \| +2,048 \| +210 \| block 8 \|/);
});
