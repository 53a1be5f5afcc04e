// Checkpoints hold learned thresholds: a resumed run has the bits of an uninterrupted one.
import { expect, test } from "vitest";
import { parseSafetensors } from "../../src/io/index.ts";
import { Module, Parameter } from "../../src/nn/index.ts";
import { layerWord } from "../../src/optim/hyper.ts";
import { enableLearnedThresholds, type PruningPhase, SGD } from "../../src/optim/index.ts";
import type { Tensor } from "../../src/tensor/index.ts";
import {
  CheckpointError,
  type CheckpointProgress,
  loadCheckpoint,
  saveCheckpoint,
} from "../../src/train/checkpoint.ts";
import { ownLearned } from "../support/own_settings.ts";
import { randomArray } from "../support/random.ts";
import { layerNumbers } from "./layer_numbers.ts";

enableLearnedThresholds();

/** Four arrays of odd sizes, three of them prunable. */
class Arrays extends Module {
  readonly wide: Parameter;
  readonly narrow: Parameter;
  readonly gated: Parameter;
  readonly bias: Parameter;

  constructor(seed: number) {
    super();
    const make = (n: number, k: number) => new Parameter([n], () => randomArray(n, seed + k, 0.3), { prunable: k < 3 });
    this.wide = make(2300, 0);
    this.narrow = make(37, 1);
    this.gated = make(1100, 2);
    this.bias = make(5, 3);
  }

  forward(x: Tensor): Tensor {
    return x;
  }
}

type Mode = "str" | "latent";

class Run implements Disposable {
  readonly model: Arrays;
  readonly sgd: SGD;

  constructor(seed: number, mode: Mode = "str") {
    this.model = new Arrays(seed);
    const { wide, narrow, gated, bias } = this.model;
    this.sgd = new SGD(
      [
        { params: [wide, narrow], mode, ...ownLearned(mode, { str: { start: -2, decay: 0.02 } }) },
        { params: [gated], mode: "ltp", ltp: { l0: 3, temperature: 0.05 } },
        { params: [bias] },
      ],
      { lr: 0.05, momentum: 0.9, dampening: 0.1, weightDecay: 1e-3 },
    );
  }

  /** Do steps `from` to `to`, each with different gradients and learning rate. */
  steps(from: number, to: number): void {
    for (let t = from; t < to; t++) {
      this.sgd.set({ lr: 0.05 / (1 + t) });
      this.model.parameters().forEach((p, k) => {
        p.grad?.set(randomArray(p.numel, 100 * t + k + 1, 0.3));
        p.gradArrived = true;
      });
      this.sgd.step();
    }
  }

  /** All bits there are. */
  save(step: number): Promise<Uint8Array> {
    const progress: CheckpointProgress = {
      step,
      epoch: 0,
      batch: step,
      seed: 1,
      threshold: 0,
      config: {},
      bestAccuracy: 0,
    };
    return saveCheckpoint(this.model, this.sgd, progress);
  }

  [Symbol.dispose](): void {
    this.sgd.dispose();
    for (const p of this.model.parameters()) p.dispose();
  }
}

/** Return all values except the numbers of the step, which each step sets again. */
function lasting(bytes: Uint8Array): Map<string, ArrayLike<number | bigint>> {
  const { tensors } = parseSafetensors(bytes, "saved");
  return new Map(
    [...tensors].map(([key, { data }]) => [key, key.startsWith("thresholds.") ? data.slice(layerWord(0)) : data]),
  );
}

test.each(["prune", "mask", "dense"] as const)(
  "phase %s: a resumed run has the same bits",
  async (phase: PruningPhase) => {
    const enter = (run: Run, fresh: boolean) => {
      if (phase === "mask" && fresh) run.sgd.bake();
      else run.sgd.setPhase(phase);
      if (phase === "dense" && fresh) run.sgd.refresh();
    };
    using first = new Run(1);
    first.steps(0, 4);
    enter(first, true);
    first.steps(4, 6);
    const bytes = await first.save(6);
    const { tensors } = parseSafetensors(bytes, "saved");
    expect([...tensors.keys()].filter((key) => key.startsWith("thresholds."))).toEqual([
      "thresholds.0.0",
      "thresholds.1.0",
    ]);
    const learned = await layerNumbers(first.sgd);
    first.steps(6, 12);
    const want = await first.save(12);

    using second = new Run(50);
    second.steps(0, 2); // gets a different history, which must have no effect
    expect(loadCheckpoint(bytes, "saved", second.model, second.sgd).step).toBe(6);
    enter(second, false);
    expect(lasting(await second.save(6))).toEqual(lasting(bytes));
    expect(await layerNumbers(second.sgd)).toEqual(learned);
    second.steps(6, 12);
    expect(await second.save(12)).toEqual(want);
    expect(await second.sgd.counts()).toMatchObject((await first.sgd.counts()).map(({ nonzero }) => ({ nonzero })));
    // Thresholds move in the pruning phase only.
    const later = await layerNumbers(second.sgd);
    if (phase === "prune") expect(later.map((l) => l.raw)).not.toEqual(learned.map((l) => l.raw));
    else expect(later.map((l) => l.raw)).toEqual(learned.map((l) => l.raw));
  },
);

test("saving between hardened and soft weights changes nothing", async () => {
  using one = new Run(1);
  using other = new Run(1);
  for (const run of [one, other]) run.steps(0, 4);
  one.sgd.harden();
  await one.save(4);
  one.sgd.soften();
  for (const run of [one, other]) run.steps(4, 8);
  expect(await one.save(8)).toEqual(await other.save(8));
});

test("refuses a checkpoint without thresholds, and changes nothing", async () => {
  using plain = new Run(1, "latent");
  plain.steps(0, 2);
  const bytes = await plain.save(2);
  using run = new Run(2);
  run.steps(0, 3);
  const before = await run.save(3);
  expect(() => loadCheckpoint(bytes, "plain.ckpt", run.model, run.sgd)).toThrow(CheckpointError);
  expect(() => loadCheckpoint(bytes, "plain.ckpt", run.model, run.sgd)).toThrow(
    "plain.ckpt: thresholds.0.0 is missing",
  );
  expect(await run.save(3)).toEqual(before);
});
