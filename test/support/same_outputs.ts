// Compares the outputs of a model before and after compaction.
import type { Module, StateDict } from "../../src/nn/index.ts";
import { applyCompaction, type Compaction, planCompaction } from "../../src/prune/index.ts";
import { readAll, Scope, type Shape, tensor } from "../../src/tensor/index.ts";
import { randomArray } from "./random.ts";

/** Options of `compacted`. */
export interface CompactedOptions {
  readonly sample: Shape;
  readonly fold?: boolean;
  readonly batch?: number;
}

/** Outputs before and after compaction, and their difference. */
export interface Compared {
  readonly plan: Compaction;
  /** Largest difference, as a share of the largest output. */
  readonly difference: number;
  readonly before: Float32Array;
  readonly after: Float32Array;
}

/** Compute the outputs of a model that has these values. */
async function outputsOf(model: Module, state: StateDict, x: Float32Array, shape: Shape): Promise<Float32Array> {
  using _scope = new Scope();
  try {
    model.eval();
    model.loadStateDict(state);
    const [values] = await readAll(model.forward(tensor(x, shape)));
    return values as Float32Array;
  } finally {
    model.dispose();
  }
}

/** Compact a model into a new one, and compare the outputs for random inputs. `build` makes the original model. */
export async function compacted(build: () => Module, state: StateDict, options: CompactedOptions): Promise<Compared> {
  const { sample, fold = true, batch = 2 } = options;
  const plan = planCompaction(build(), { sample, weights: state, fold });
  const shape = [batch, ...sample];
  const x = randomArray(
    shape.reduce((a, b) => a * b),
    3,
  );
  const before = await outputsOf(build(), state, x, shape);
  const small = build();
  // As it is in a file.
  applyCompaction(small, JSON.parse(JSON.stringify(plan.sizes)));
  const after = await outputsOf(small, plan.weights, x, shape);
  const largest = before.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
  const most = before.reduce((a, b, i) => Math.max(a, Math.abs(b - after[i]!)), 0);
  return { plan, difference: most / largest, before, after };
}
