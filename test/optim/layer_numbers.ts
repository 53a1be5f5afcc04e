// What the GPU keeps of each learned threshold, for tests to read and to set.
import type { SGD } from "../../src/optim/index.ts";
import { HEADER, LAYER_NUMBERS } from "../../src/optim/param_arena.ts";
import type { Tensor } from "../../src/tensor/index.ts";

/** One layer's record, as shaders/lib/effective_weight.wgsl lays it out. */
export interface LayerNumbers {
  /** (d, -) of STR, (tau, T) of LTP: of the last forward pass before a step, and after that step. */
  readonly now: readonly [number, number];
  readonly next: readonly [number, number];
  /** s of STR, tau of LTP. */
  readonly raw: number;
  readonly velocity: number;
  readonly spread: number;
}

function hyperOf(sgd: SGD, group: number): Tensor {
  const chunks = sgd.groups[group]?.chunks ?? [];
  if (chunks.length !== 1 || !chunks[0]) throw new Error(`group ${group} has ${chunks.length} chunks, want 1`);
  return chunks[0].hyper;
}

/** The records of a group's layers. */
export async function layerNumbers(sgd: SGD, group = 0): Promise<LayerNumbers[]> {
  const data = (await hyperOf(sgd, group).data()) as Float32Array;
  return Array.from({ length: (data.length - HEADER) / LAYER_NUMBERS }, (_, i) => {
    const at = (k: number) => data[HEADER + LAYER_NUMBERS * i + k]!;
    return { now: [at(0), at(1)], next: [at(2), at(3)], raw: at(4), velocity: at(5), spread: at(6) };
  });
}

/** Sets what the layers of a group have learned, as if they had learned it: the next forward pass sees it. */
export async function setLearned(sgd: SGD, values: readonly number[], group = 0): Promise<void> {
  const hyper = hyperOf(sgd, group);
  const data = Float32Array.from((await hyper.data()) as Float32Array);
  values.forEach((value, i) => {
    data[HEADER + LAYER_NUMBERS * i + 4] = value;
  });
  hyper.set(data);
  sgd.refresh();
}
