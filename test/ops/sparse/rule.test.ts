import { expect, test } from "vitest";
import type { AdapterReport } from "../../../src/gpu/index.ts";
import { bestBlocks } from "../../../src/ops/sparse/rule.ts";

const adapter = (description: string, subgroupSize: number): AdapterReport =>
  ({ software: description !== "", device: "", description, subgroupSize }) as AdapterReport;
const DRIVERS = [
  adapter("llvmpipe: Mesa 25.0.7 (LLVM 15, 256 bits)", 8),
  adapter("llvmpipe: Mesa 26.1.6 (LLVM 19, 512 bits)", 16),
  adapter("llvmpipe: Mesa 26.1.6 (LLVM 19, 256 bits)", 8),
  adapter("", 32),
];
const layer = { outputs: 64, groups: 1, each: 576, isPoint: false };
/** Live blocks when a share of the weights is not zero: in blocks of 8, or each weight by itself. */
const inBlocks = (share: number) =>
  ([8, 4, 1] as const).map((size) => ({ size, rows: 64 / size, live: Math.round((share * 576 * 64) / size) }));
const scattered = (share: number) =>
  ([8, 4, 1] as const).map((size) => ({
    size,
    rows: 64 / size,
    live: Math.round(((1 - (1 - share) ** size) * 576 * 64) / size),
  }));

test.each(DRIVERS)("blocks of 8 at 90 %% zeros are chosen, a dense weight stays dense: $description", (driver) => {
  expect(bestBlocks(driver, layer, inBlocks(0.1))?.size).toBe(8);
  expect(bestBlocks(driver, layer, inBlocks(1))).toBeNull();
  expect(bestBlocks(driver, layer, inBlocks(0.6))).toBeNull();
});

test.each(DRIVERS)("scattered zeros need far more of them: $description", (driver) => {
  expect(bestBlocks(driver, layer, scattered(0.3))).toBeNull();
  expect(bestBlocks(driver, layer, scattered(0.01))).not.toBeNull();
});

test("pixels in vain count against the sparse kernel", () => {
  const counts = inBlocks(0.25).slice(0, 1);
  expect(bestBlocks(DRIVERS[0]!, layer, counts)?.size).toBe(8);
  expect(bestBlocks(DRIVERS[0]!, layer, counts, 0.9)).toBeNull();
});
