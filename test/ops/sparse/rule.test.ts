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
const layer = { outputs: 64, groups: 1, each: 576, kind: "window", passes: 0 } as const;
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
  expect(bestBlocks(DRIVERS[0]!, layer, counts, { pixels: 1 << 20, idle: 0.9 })).toBeNull();
});

/** Layers of LeNet-BN and ResNet-20 with a tenth of their blocks of 8 alive. */
const LAYERS = [
  { name: "5x5/2 1->8", outputs: 8, each: 25, kind: "strided", area: 196 },
  { name: "3x3 3->16", outputs: 16, each: 27, kind: "window", area: 1024 },
  { name: "3x3 16->16", outputs: 16, each: 144, kind: "window", area: 1024 },
  { name: "3x3/2 16->32", outputs: 32, each: 144, kind: "strided", area: 256 },
  { name: "3x3 64->64", outputs: 64, each: 576, kind: "window", area: 64 },
  { name: "fc 784->128", outputs: 128, each: 784, kind: "point", area: 1 },
] as const;
const SOFTWARE = DRIVERS.slice(0, 3);
const tenth = (outputs: number, each: number) => [
  { size: 8 as const, rows: outputs / 8, live: Math.ceil((0.1 * outputs * each) / 8) },
];

test.each(LAYERS)("a batch of 64 takes blocks at 90 %% zeros: $name", ({ area, ...work }) => {
  for (const driver of SOFTWARE) {
    const counts = tenth(work.outputs, work.each);
    expect(bestBlocks(driver, { ...work, groups: 1, passes: 0 }, counts, { pixels: 64 * area, idle: 0.1 })?.size).toBe(
      8,
    );
  }
});

test("one pixel stays dense, since a sparse kernel's lanes are pixels", () => {
  const work = { outputs: 128, groups: 1, each: 784, kind: "point", passes: 0 } as const;
  for (const driver of SOFTWARE)
    expect(bestBlocks(driver, work, tenth(128, 784), { pixels: 1, idle: 1 - 1 / driver.subgroupSize })).toBeNull();
});

test("a small image stays dense unless the product contains the batch norm", () => {
  const work = { outputs: 16, groups: 1, each: 27, kind: "window" } as const;
  const input = { pixels: 16, idle: 0 };
  for (const driver of SOFTWARE) {
    expect(bestBlocks(driver, { ...work, passes: 0 }, tenth(16, 27), input)).toBeNull();
    expect(bestBlocks(driver, { ...work, passes: 1 }, tenth(16, 27), input)?.size).toBe(8);
  }
});
