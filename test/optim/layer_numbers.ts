// Reads and sets the GPU's numbers of learned thresholds, for tests.
import { LAYER, layerWord } from "../../src/optim/hyper.ts";
import type { SGD } from "../../src/optim/index.ts";
import type { Tensor } from "../../src/tensor/index.ts";

/** One layer's record, as shaders/lib/hyper.wgsl lays it out. */
export interface LayerNumbers {
  /** (d, -) of STR, (tau, T) of LTP: of the last forward pass before a step, and after that step. */
  readonly now: readonly [number, number];
  readonly next: readonly [number, number];
  /** s of STR, tau of LTP. */
  readonly raw: number;
  readonly velocity: number;
  readonly spread: number;
  readonly limited: number;
}

function hyperOf(sgd: SGD, group: number): Tensor {
  const chunks = sgd.groups[group]?.chunks ?? [];
  if (chunks.length !== 1 || !chunks[0]) throw new Error(`group ${group} has ${chunks.length} chunks, expected 1`);
  return chunks[0].hyper;
}

/** Read the records of a group's layers. */
export async function layerNumbers(sgd: SGD, group = 0): Promise<LayerNumbers[]> {
  const data = (await hyperOf(sgd, group).data()) as Float32Array;
  return Array.from({ length: ((data.length - layerWord(0)) * 4) / LAYER.bytes }, (_, i) => {
    const at = (field: string, k = 0) => data[layerWord(i) + LAYER.wordOf(field) + k]!;
    const pair = (field: string) => [at(field), at(field, 1)] as const;
    const scalars = { raw: at("raw"), velocity: at("velocity"), spread: at("spread"), limited: at("limited") };
    return { now: pair("now"), next: pair("next"), ...scalars };
  });
}

/** Set the learned numbers of a group's layers, so that the next forward pass uses them. */
export async function setLearned(sgd: SGD, values: readonly number[], group = 0): Promise<void> {
  const hyper = hyperOf(sgd, group);
  const data = Float32Array.from((await hyper.data()) as Float32Array);
  values.forEach((value, i) => {
    data[layerWord(i) + LAYER.wordOf("raw")] = value;
  });
  hyper.set(data);
  sgd.refresh();
}
