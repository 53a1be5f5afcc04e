import { describe, expect, test } from "vitest";
import { blockRows, everyBlock, packBlocks } from "../../../src/ops/sparse/blocks.ts";
import { pruneBlocks } from "../../support/prune_blocks.ts";
import { randomArray } from "../../support/random.ts";

describe("packBlocks", () => {
  test("rows of blocks end at the border of a group", () => {
    expect(blockRows(10, 2, 4)).toEqual([
      { first: 0, count: 4 },
      { first: 4, count: 1 },
      { first: 5, count: 4 },
      { first: 9, count: 1 },
    ]);
  });

  test.each([8, 4, 1] as const)("blocks of %i hold every number that is not zero", (size) => {
    const shape = [22, 3, 2, 3];
    const data = pruneBlocks(randomArray(22 * 18, 1), shape, { size, groups: 2, zeros: 0.6 });
    const blocks = packBlocks(data, shape, { size, groups: 2 });
    const back = new Float32Array(data.length);
    everyBlock(blocks, (block, { count }, at) => {
      for (let r = 0; r < size; r++) {
        const value = blocks.values[block * size + r]!;
        if (r < count) back[at + 18 * r] = value;
        else expect(value).toBe(0);
      }
    });
    expect(back).toEqual(data);
  });

  test("a weight of zeros has no block, and a NaN makes one", () => {
    expect(packBlocks(new Float32Array(16), [8, 2], { size: 8 }).places).toHaveLength(0);
    const data = new Float32Array(16);
    data[3] = Number.NaN;
    expect([...packBlocks(data, [8, 2], { size: 8 }).places]).toEqual([1]);
  });

  test("refuses sizes that do not fit", () => {
    const data = new Float32Array(12);
    expect(() => packBlocks(data, [3, 2, 2], { size: 8 })).toThrow("weight: expected 2 or 4 axes, got 3");
    expect(() => packBlocks(data, [3, 5], { size: 8 })).toThrow("expected 15 values for shape [3,5], got 12");
    expect(() => packBlocks(data, [3, 4], { size: 2 as never })).toThrow("size: expected one of 8, 4, 1, got 2");
    expect(() => packBlocks(data, [3, 4], { size: 8, groups: 2 })).toThrow(
      "expected a divisor of the 3 outputs, got 2",
    );
  });
});
