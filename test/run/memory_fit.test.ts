// Fitting a run that is too large into memory.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MemoryError, type MemoryPlan } from "../../src/internal.ts";
import { fittingBatch, outOfMemoryLines, refusal, remedies } from "../../src/run/memory_fit.ts";

const MIB = 2 ** 20;
/** A run that takes a number of MiB per image of a (micro-)batch, half of them with checkpointed blocks, and a constant. */
const taking = (each: number, fixed: number) => {
  return ({
    batchSize,
    microBatch = batchSize,
    checkpointBlocks = false,
    precision = "f32",
  }: {
    batchSize: number;
    microBatch?: number | undefined;
    checkpointBlocks?: boolean;
    precision?: "f16" | "f32" | undefined;
  }) =>
    ({
      held: (fixed + each * microBatch * (checkpointBlocks ? 0.5 : 1) * (precision === "f16" ? 0.5 : 1)) * MIB,
      staging: 0,
      uniforms: 0,
    }) as MemoryPlan;
};

describe("the largest fitting batch", () => {
  test("takes at most the limit, and a slightly larger one does not", () => {
    const plans = fc.record({
      batch: fc.integer({ min: 2, max: 5000 }),
      each: fc.double({ min: 0.01, max: 50, noNaN: true }),
      fixed: fc.double({ min: 0, max: 500, noNaN: true }),
      share: fc.double({ min: 0.01, max: 0.99, noNaN: true }),
    });
    fc.assert(
      fc.property(plans, ({ batch, each, fixed, share }) => {
        let asked = 0;
        const need = (n: number) => {
          asked++;
          return fixed + each * n;
        };
        const limit = share * need(batch);
        const found = fittingBatch(need, batch, limit);
        expect(asked).toBeLessThan(13);
        const most = Math.floor((limit - fixed) / each);
        if (found === null) {
          expect(most).toBeLessThan(2);
          return;
        }
        expect(found).toBeLessThanOrEqual(most);
        // Rounded down, and searched for to within a sixteenth.
        expect(found).toBeGreaterThanOrEqual(Math.floor(most * 0.7) - 1);
      }),
      { numRuns: 300 },
    );
  });

  test("is found by bisection if a size cannot be planned", () => {
    const need = (n: number) => (n > 100 ? Number.POSITIVE_INFINITY : n);
    expect(fittingBatch(need, 6400, Number.MAX_VALUE)).toBe(96);
    expect(fittingBatch(() => Number.POSITIVE_INFINITY, 64, 10)).toBeNull();
  });
});

describe("remedies", () => {
  const load = { batchSize: 640, checkpointBlocks: false };
  test("are a smaller batch, micro-batches, checkpointed blocks", () => {
    expect(remedies(taking(1, 0), load, 400 * MIB)).toBe(
      "--batch-size 400 fits; so does --micro-batch 320, which keeps the batch of 640; so does --checkpoint-blocks",
    );
    expect(remedies(taking(1, 20), load, 100 * MIB)).toBe(
      "--batch-size 80 fits; so does --micro-batch 80, which keeps the batch of 640",
    );
  });
  test("name f16 where the adapter computes in it, and the run does not yet", () => {
    expect(remedies(taking(1, 0), load, 400 * MIB, true)).toMatch(
      /; so does --checkpoint-blocks; so does --precision f16$/,
    );
    expect(remedies(taking(1, 0), { ...load, precision: "f16" }, 200 * MIB, true)).not.toContain("--precision");
    const checkpointed = { batchSize: 8, checkpointBlocks: true };
    expect(remedies(taking(100, 0), checkpointed, 45 * MIB, true)).toBe("--precision f16 with --batch-size 1 fits");
    expect(remedies(taking(100, 0), checkpointed, 45 * MIB)).toMatch(/^Even a batch of one/);
  });
  test("are only checkpointed blocks, or none, if the others do not help", () => {
    expect(remedies(taking(10, 0), load, 9 * MIB)).toBe("--checkpoint-blocks with --batch-size 1 fits");
    expect(remedies(taking(10, 100), load, 9 * MIB)).toMatch(/^Even a batch of one does not fit/);
    const noBlocks = (change: Parameters<ReturnType<typeof taking>>[0]) => {
      if (change.checkpointBlocks) throw new Error("lenet has no blocks to checkpoint");
      return taking(1, 0)(change);
    };
    expect(remedies(noBlocks, load, 400 * MIB)).not.toContain("blocks");
  });
});

test("the error names the prediction, the limit and a load that fits", () => {
  const limit = { bytes: 50 * MIB, of: "the process's address space (ulimit -v)" };
  expect(refusal({ batchSize: 640 }, 762 * MIB, limit, "--batch-size 32 fits")).toBe(
    "a batch of 640 is predicted to take 762.0 MiB of GPU memory; the process's address space (ulimit -v) leaves 50.0 MiB. --batch-size 32 fits",
  );
  expect(refusal({ batchSize: 640, microBatch: 64 }, 1, limit, "")).toMatch(
    /^a batch of 640 in parts of 64 is predicted/,
  );
});

test("the table lists the users of memory", () => {
  const part = (mib: number) => mib * MIB;
  const plan: MemoryPlan = {
    ...{ peak: part(90), held: part(95), parameters: part(4), latent: part(4), gradients: part(4), momentum: part(5) },
    moments: 0,
    ...{ other: part(1), inputs: part(2), activations: part(75), staging: part(3), uniforms: part(1) },
    step: { arenaBytes: 0, lowerBound: 0, ratio: 1, persistentBytes: 0, commands: 0 },
  };
  const error = new MemoryError("out of GPU memory: 8.0 MiB for tensor [2097152] f32", null);
  expect(
    outOfMemoryLines(
      error,
      plan,
      [{ what: "momentum of 9 parameters, [77] f32", bytes: part(5) }],
      "--batch-size 8 fits",
    ),
  ).toEqual([
    "out of GPU memory: 8.0 MiB for tensor [2097152] f32",
    "in use, largest first:",
    "       5.0 MiB  momentum of 9 parameters, [77] f32",
    "planned for the run at its peak:",
    "       8.0 MiB  parameters, with the latent weights of pruning",
    "       5.0 MiB  optimiser state: momentum",
    "       4.0 MiB  gradients",
    "      75.0 MiB  activations, intermediate gradients, workspaces",
    "       2.0 MiB  data: batches",
    "       5.0 MiB  other: statistics, readback, buffers waiting for reuse",
    "      99.0 MiB  total",
    "--batch-size 8 fits",
  ]);
});
