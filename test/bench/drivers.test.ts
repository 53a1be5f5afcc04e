// The table of `npm run bench:drivers`.
import { expect, test } from "vitest";
import { best, driversMarkdown, type SideResult } from "../../bench/drivers/table.ts";

const side = (
  firstMs: number,
  cpuMs: number,
  wallMs: number,
  device = "llvmpipe-llvm-15-0-6-256-bits-",
): SideResult => ({
  device,
  description: "llvmpipe: Mesa 25.0.7 (LLVM 15.0.6)",
  firstMs,
  firstCpuMs: firstMs / 2,
  cpuMs,
  wallMs,
});

test("takes the cold step of the first round, and the least times of all rounds", () => {
  expect(best([side(9000, 20, 30), side(800, 25, 12), side(700, 19, 40)])).toEqual({
    coldMs: 9000,
    coldCpuMs: 4500,
    cpuMs: 19,
    wallMs: 12,
  });
});

test("compares each run with the first one, by processor time", () => {
  const rounds = (scale: number) => ({
    "lenet-bn": [side(12_000 / scale, 8 / scale, 5)],
    "resnet-20": [side(60_000 / scale, 190 / scale, 100, `llvmpipe-llvm-${256 * scale}-bits-`)],
  });
  const lines = driversMarkdown(
    [
      { name: "old, default driver", rounds: rounds(1) },
      { name: "new, mesa-latest", rounds: rounds(2) },
    ],
    "About.",
  ).split("\n");
  expect(lines.slice(0, 2)).toEqual(["About.", ""]);
  const adapter = "llvmpipe: Mesa 25.0.7 (LLVM 15.0.6)";
  expect(lines[6]).toBe(
    `| resnet-20 batch 16 | old, default driver | ${adapter}, 256 bits | 190 | 100 | 1.00x | 30.0 | 60.0 |`,
  );
  expect(lines[7]).toBe(
    `| resnet-20 batch 16 | new, mesa-latest | ${adapter}, 512 bits | 95.0 | 100 | 2.00x | 15.0 | 30.0 |`,
  );
});
