// A run against the limits of an imaginary adapter.
import { expect, test } from "vitest";
import { plannerOf, planWithin } from "../../src/cli/train_memory.ts";
import { GENERIC_ADAPTER } from "../../src/gpu/index.ts";
import { DEFAULT_RECIPE } from "../../src/recipe/schema.ts";
import type { Splits } from "../../src/recipe/splits.ts";
import { squares } from "../support/shapes.ts";

const data = { train: squares(96, 28, 1), test: squares(32, 28, 2) } as unknown as Splits;
const recipe = { ...DEFAULT_RECIPE, batchSize: 96, model: { name: "resnet-8", checkpointBlocks: false } };
const narrow = { ...GENERIC_ADAPTER, limits: { ...GENERIC_ADAPTER.limits, maxStorageBufferBindingSize: 2 ** 21 } };

test("refuses a batch beyond one binding, and suggests a smaller one", () => {
  const refused = () => planWithin(recipe, data, narrow);
  expect(refused).toThrow(
    /^tensor \[96,16,28,28\] f32 needs 4816896 bytes; this adapter binds at most 2097152 bytes at once\. /,
  );
  expect(refused).toThrow(/at once\. --batch-size (\d+) fits; so does --micro-batch 32, which keeps the batch of 96$/);
  const [, fits] = /--batch-size (\d+)/.exec(messageOf(refused)) ?? [];
  expect(planWithin({ ...recipe, batchSize: Number(fits) }, data, narrow).peak).toBeGreaterThan(0);
  // On a card of no particular make it is planned as it is.
  expect(plannerOf(data)(recipe).peak).toBeGreaterThan(planWithin({ ...recipe, microBatch: 32 }, data, narrow).peak);
});

function messageOf(work: () => unknown): string {
  try {
    work();
    return "";
  } catch (error) {
    return (error as Error).message;
  }
}
