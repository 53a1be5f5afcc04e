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

  /**
   * Record this step's loss and correct count; a non-finite loss sets the guard. Enqueues only. `part` [2], for a micro-batch:
   * its share of the step, by which its loss is weighted, and 0 for the first part, 1 for others.
   */
  record(loss: Tensor, correct: Tensor, step: Tensor, guard: Tensor, samples: number, part?: Tensor): void {
    meterKernel.run({
      bind: { loss, correct, step, ring: this.ring, guard, part: part ?? loss },
      params: { samples, slots: this.slots },
      spec: { ADDS: part !== undefined },
      grid: [1],
    });
  }

  /** Return the steps [first, end) from the ring's values. */
  pick(values: ArrayLike<number>, first: number, end: number): StepMetrics[] {
    const out: StepMetrics[] = [];
    for (let step = Math.max(first, end - this.slots); step < end; step++) {
      const at = (step % this.slots) * 4;
      const [loss, correct, samples] = [values[at], values[at + 1], values[at + 2]] as [number, number, number];
      out.push({ step, loss, correct, samples });
    }
    return out;
  }

  dispose(): void {
    this.ring.dispose();
  }
}
