// The loss scale of f16 training. Small gradients would become zero in f16: the loss is multiplied by a scale before backward, and
// the update divides by it. All of it happens on the GPU, inside the step.
import checkWgsl from "../../shaders/loss_scale_check.wgsl";
import stepWgsl from "../../shaders/loss_scale_step.wgsl";
import { expectOptions, groups1d, kernel, OpError } from "../gpu/index.ts";
import { fillZero, partOf, persistent, stretch, type Tensor } from "../tensor/index.ts";
import type { KeysOf } from "../text/index.ts";
import type { Optimizer } from "./optimizer.ts";
import { SEGMENT } from "./param_arena.ts";

const checkKernel = kernel("loss_scale_check", checkWgsl);
const stepKernel = kernel("loss_scale_step", stepWgsl);

/** Options of `LossScale`. */
export interface LossScaleOptions {
  /** First scale, a power of two from 1 to 2^24. Default 65536. */
  readonly initial?: number | undefined;
  /** Good steps in a row after which the scale doubles. Default 2000. */
  readonly growthInterval?: number | undefined;
}

const KEYS: KeysOf<LossScaleOptions> = { initial: true, growthInterval: true };

/** State of a loss scale. */
export interface LossScaleState {
  readonly scale: number;
  /** Good steps since the scale last changed. */
  readonly goodSteps: number;
  /** Steps skipped since the start, or since the optimizer's `reset`. */
  readonly skippedSteps: number;
}

/**
 * Dynamic loss scale of an optimizer, for training in f16. A step whose gradients hold a NaN or an infinity is skipped: weights,
 * momentum, moments, learned thresholds and counts stay, and the scale halves. After `growthInterval` good steps in a row it doubles. The host
 * never waits for it.
 *
 * Steps     `stepsDone`, learning rates and thresholds move with each step, also with a skipped one.
 * Errors    OpError for an unknown option or one out of range, or an optimizer that has a loss scale.
 * Source    Micikevicius et al. 2018, "Mixed precision training"; torch.amp.GradScaler.
 * @example
 * const model = new Linear(4, 2);
 * const optimizer = new SGD(model.parameters(), { lr: 0.1 });
 * const lossScale = new LossScale(optimizer);
 * tidy(() => {
 *   const tape = new Tape();
 *   const logits = cast(model.forward(tensor([[1, 2, 3, 4]])), "f32");
 *   tape.backward(crossEntropy(logits, tensor(Int32Array.of(1))), lossScale.upstream());
 *   optimizer.step();
 * });
 * console.log(await lossScale.read()); // 65536, 1 good step, 0 skipped
 */
export class LossScale {
  /** @internal [4] f32: scale, 1 / scale, good steps since the last change, skipped steps. */
  readonly state: Tensor;
  private readonly growth: number;

  constructor(optimizer: Optimizer, options: LossScaleOptions = {}) {
    expectOptions("LossScale", options, KEYS);
    const { initial = 65536, growthInterval = 2000 } = options;
    if (!(initial >= 1 && initial <= 2 ** 24 && Number.isInteger(Math.log2(initial))))
      throw new OpError("LossScale", `initial: expected a power of two from 1 to 2^24, got ${initial}`);
    if (!(Number.isInteger(growthInterval) && growthInterval >= 1 && growthInterval <= 2 ** 24))
      throw new OpError("LossScale", `growthInterval: expected an integer from 1 to 2^24, got ${growthInterval}`);
    this.growth = growthInterval;
    this.state = persistent(Float32Array.of(initial, 1 / initial, 0, 0), [4]);
    optimizer.attachScale(this);
  }

  /** Return the gradient that backward begins with, [] f32: the scale. */
  upstream(): Tensor {
    return this.state.alias([]);
  }

  /** @internal Enqueue the check of an optimizer's gradients, before its update. */
  check({ chunks, guard }: Pick<Optimizer, "chunks" | "guard">): void {
    for (const { gradient, parts } of chunks) {
      for (const part of parts) {
        checkKernel.run({
          bind: { gradient: partOf(gradient, part), scale: this.state, guard },
          params: { n: (part.rows * SEGMENT) / 4 },
          grid: groups1d(part.rows),
        });
      }
    }
  }

  /** @internal Enqueue the move of the scale, after the update. */
  advance(guard: Tensor): void {
    stepKernel.run({ bind: { scale: this.state, guard }, params: { growth: this.growth }, grid: [1] });
  }

  /** @internal Enqueue: set the count of skipped steps to 0. */
  forgetSkipped(): void {
    fillZero(stretch(this.state, 3, 1));
  }

  /** Read scale and counts. Waits for the GPU. */
  async read(): Promise<LossScaleState> {
    return lossScaleOf(await this.state.data());
  }

  /** @internal */
  dispose(): void {
    this.state.dispose();
  }
}

/** Return the state from the values of its tensor. */
export function lossScaleOf(values: ArrayLike<number>): LossScaleState {
  return { scale: values[0]!, goodSteps: values[2]!, skippedSteps: values[3]! };
}
