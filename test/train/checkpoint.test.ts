// The progress record of a checkpoint is checked field by field before it is used.
import { expect, test } from "vitest";
import { writeSafetensors } from "../../src/io/index.ts";
import { CheckpointError, readProgress } from "../../src/train/checkpoint.ts";

const good = { step: 18, epoch: 1, batch: 8, seed: 0, threshold: 0.01, config: null, bestAccuracy: 0.5 };

function read(progress: string, format = "espalier-checkpoint-2") {
  const bytes = writeSafetensors(new Map(), { format, progress });
  return readProgress(bytes, "runs/a/step_00000018.safetensors");
}

function refusal(progress: unknown, format?: string): string {
  try {
    read(typeof progress === "string" ? progress : JSON.stringify(progress), format);
  } catch (error) {
    expect(error).toBeInstanceOf(CheckpointError);
    expect((error as Error).message).toMatch(/^runs\/a\/step_00000018\.safetensors: [^\n]+$/);
    return (error as Error).message.replace(/^[^:]+: /, "");
  }
  throw new Error("was accepted");
}

test("reads a progress record as it was written", () => {
  expect(read(JSON.stringify(good))).toEqual(good);
});

test("refuses what is not a record", () => {
  expect(refusal("")).toBe("its progress record is not valid JSON");
  for (const other of ["null", "[]", "3", '"step"'])
    expect(refusal(other)).toBe(`its progress record: expected an object, got ${other}`);
});

test.each(["step", "epoch", "batch", "seed", "threshold", "bestAccuracy"] as const)("%s is checked", (key) => {
  for (const value of [null, "1", [], {}, true]) {
    expect(refusal({ ...good, [key]: value })).toMatch(new RegExp(`^its progress record: ${key}: expected .*, got `));
  }
  const { [key]: _, ...rest } = good;
  expect(refusal(rest)).toMatch(new RegExp(`^its progress record: ${key}: expected .*, got undefined$`));
  if (key !== "threshold") expect(refusal({ ...good, [key]: 1.5 })).toContain(`${key}: expected `);
  if (key === "step" || key === "epoch" || key === "batch")
    expect(refusal({ ...good, [key]: -1 })).toBe(`its progress record: ${key}: expected an integer >= 0, got -1`);
});

test("refuses checkpoints of an older version, and other files, by name", () => {
  expect(refusal(good, "espalier-checkpoint-1")).toContain("was written by an older version");
  expect(refusal(good, "espalier-sparse-1")).toMatch(/not a checkpoint: expected format .*, got espalier-sparse-1/);
});
