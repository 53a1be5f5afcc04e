// Operands of a correlation, and one way to run it.
import type { Candidate } from "../../gpu/index.ts";
import type { Tensor } from "../../tensor/index.ts";

export interface CorrelationTensors {
  readonly x: Tensor;
  readonly w: Tensor;
  /** Added to each written channel; null adds nothing. */
  readonly b: Tensor | null;
  readonly y: Tensor;
}

/** One way to run the phases of a correlation. */
export interface Way extends Candidate {
  run(tensors: CorrelationTensors): void;
}
