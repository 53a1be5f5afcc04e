import { expect, test } from "vitest";
import { advance } from "../../src/ops/advance.ts";
import { captureStep, scalar } from "../../src/tensor/index.ts";

test("a counter moves by one, in replays too, and wraps", async () => {
  using step = scalar(2 ** 32 - 3, "u32");
  using captured = captureStep(() => {
    advance(step);
    return { step };
  });
  const seen: number[] = [];
  for (let i = 0; i < 4; i++) {
    captured.run({});
    seen.push(await step.item());
  }
  expect(seen).toEqual([2 ** 32 - 2, 2 ** 32 - 1, 0, 1]);
});

test("anything but one u32 is refused", () => {
  using float = scalar(1);
  expect(() => advance(float)).toThrow("advance: expected one u32 (step [])");
});
