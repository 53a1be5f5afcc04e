// Records loss and accuracy of every step in a ring buffer on the GPU, which the host reads from time to time.
import meterWgsl from "../../shaders/train_meter.wgsl";
import { kernel } from "../gpu/index.ts";
import { persistent, type Tensor } from "../tensor/index.ts";

const meterKernel = kernel("train_meter", meterWgsl);

/** Loss and counts of a step. */
export interface StepMetrics {
  /** Number of the step, from 0. */
  readonly step: number;
  readonly loss: number;
  /** Correct predictions among `samples`. */
  readonly correct: number;
  readonly samples: number;
  /** Scale of the loss in this step; absent if it was not scaled. */
  readonly lossScale?: number;
}

/** Tensors and numbers of a record. */
export interface Recorded {
  /** [] f32. */
  readonly loss: Tensor;
  /** [] f32: correct predictions. */
  readonly correct: Tensor;
  /** [] u32: number of the step. */
  readonly step: Tensor;
  /** [1] u32, with a scale [4]: set to the step by a loss that is not finite. */
  readonly guard: Tensor;
  readonly samples: number;
  /** [2], for a micro-batch: its share of the step, by which its loss is weighted, and 0 for the first part, 1 for others. */
  readonly part?: Tensor | undefined;
  /** [4], for a scaled loss: its state. A loss that is not finite then skips the step; it sets the guard at the smallest scale only. */
  readonly scale?: Tensor | undefined;
}

/** Value of the guard if every loss was finite. */
export const ALL_FINITE = 0xffffffff;

export class Meter {
  readonly slots: number;
  /** [slots, 4] f32. */
  readonly ring: Tensor;

  constructor(slots = 256) {
    this.slots = slots;
    this.ring = persistent(new Float32Array(slots * 4), [slots, 4]);
  }

  /** Record this step's loss and correct count; a non-finite loss sets the guard. Enqueues only. */
  record({ loss, correct, step, guard, samples, part, scale }: Recorded): void {
    meterKernel.run({
      bind: { loss, correct, step, ring: this.ring, guard, part: part ?? loss, scale: scale ?? loss },
      params: { samples, slots: this.slots },
      spec: { ADDS: part !== undefined, ...(scale ? { SCALED: true } : {}) },
      grid: [1],
    });
  }

  /** Return the steps [first, end) from the ring's values. */
  pick(values: ArrayLike<number>, first: number, end: number): StepMetrics[] {
    const out: StepMetrics[] = [];
    for (let step = Math.max(first, end - this.slots); step < end; step++) {
      const at = (step % this.slots) * 4;
      const [loss, correct, samples, lossScale] = [0, 1, 2, 3].map((k) => values[at + k]!) as [
        number,
        number,
        number,
        number,
      ];
      out.push({ step, loss, correct, samples, ...(lossScale > 0 ? { lossScale } : {}) });
    }
    return out;
  }

  dispose(): void {
    this.ring.dispose();
  }
}
