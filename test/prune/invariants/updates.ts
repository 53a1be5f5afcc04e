// Helpers of the GPU tests of the update: parameters from numbers, gradients as backward leaves them,
// and the bits of float32 numbers.
import fc from "fast-check";
import { Parameter } from "../../../src/nn/parameter.ts";
import { enableLearnedThresholds, SGD, type SGDOptions, type StepValues } from "../../../src/optim/index.ts";
import type { Tensor } from "../../../src/tensor/index.ts";

/** Numbers spread evenly from min to max; fc.double prefers tiny ones, as it counts representable numbers. */
export const between = (min: number, max: number): fc.Arbitrary<number> =>
  fc.integer({ min: 0, max: 1_000_000 }).map((k) => min + ((max - min) * k) / 1_000_000);

export const bitsOf = (values: Float32Array): Uint32Array =>
  new Uint32Array(values.buffer, values.byteOffset, values.length);

export const countZeros = (values: ArrayLike<number>): number => Array.from(values).filter((v) => v === 0).length;

/** A few parameters under one optimiser. Dispose when done. */
export class Updates implements Disposable {
  readonly params: readonly Parameter[];
  readonly sgd: SGD;

  constructor(values: readonly Float32Array[], options: SGDOptions) {
    enableLearnedThresholds();
    this.params = values.map((v) => new Parameter([v.length], () => v, { prunable: true }));
    this.sgd = new SGD(this.params, options);
  }

  /** One step with these gradients. */
  step(gradients: readonly Float32Array[], values: StepValues): void {
    this.sgd.set(values);
    this.params.forEach((p, k) => {
      p.grad?.set(gradients[k]!);
      p.gradArrived = true;
    });
    this.sgd.step();
  }

  /** W of each parameter. */
  weights(): Promise<Float32Array[]> {
    return readF32(this.params);
  }

  /** Stored weights of the optimiser: theta in latent mode, else W. */
  stored(): Promise<Float32Array[]> {
    return readF32(this.params.map((p) => p.latent ?? p));
  }

  /** Momentum of each; the optimiser must have one. */
  async velocities(): Promise<Float32Array[]> {
    const views = this.params.map((p) => this.sgd.velocityOf(p)!);
    const data = await readF32(views);
    for (const view of views) view.dispose();
    return data;
  }

  [Symbol.dispose](): void {
    this.sgd.dispose();
    for (const p of this.params) p.dispose();
  }
}

async function readF32(tensors: readonly Tensor[]): Promise<Float32Array[]> {
  return (await Promise.all(tensors.map((t) => t.data()))) as Float32Array[];
}
