// A table of learned rows, looked up by index.
import { expectOptions } from "../gpu/index.ts";
import { embedding, paddingRow } from "../ops/embedding.ts";
import type { Tensor } from "../tensor/index.ts";
import type { KeysOf } from "../text/index.ts";
import { type Initializer, normalInit } from "./init.ts";
import { Module } from "./module.ts";
import { Parameter } from "./parameter.ts";
import { expectSizes } from "./sizes.ts";

/** Options of `Embedding`. */
export interface EmbeddingConfig {
  /** Row of padded positions: 0 at first (with the default `init`), and without a gradient. Negative ones count from the end. */
  readonly paddingIdx?: number | undefined;
  /** Initial rows. Default N(0, 1), 0 for the row `paddingIdx`. */
  readonly init?: Initializer | undefined;
}

const KEYS: KeysOf<EmbeddingConfig> = { paddingIdx: true, init: true };

/** N(0, 1), and 0 in one row; -1: in none. */
const rowsInit =
  (zeroRow: number): Initializer =>
  (shape, index) => {
    const values = normalInit(1)(shape, index);
    const width = shape[1]!;
    if (zeroRow >= 0) values.fill(0, zeroRow * width, (zeroRow + 1) * width);
    return values;
  };

/**
 * Embedding(numEmbeddings, embeddingDim, { paddingIdx }): index [*] i32 -> [*, embeddingDim]; weight [numEmbeddings,
 * embeddingDim]. Pruning does not touch the weight. Throws OpError for sizes that are not integers >= 1, or paddingIdx out of
 * range.
 *
 * @example
 * const words = new Embedding(100, 8, { paddingIdx: 0 });
 * console.log(words.forward(tensor(Int32Array.of(5, 0, 7))).shape); // 3, 8
 */
export class Embedding extends Module {
  /** Learned rows, [numEmbeddings, embeddingDim]. */
  readonly weight: Parameter;
  /** Row that gets no gradient, if set. */
  readonly paddingIdx: number | undefined;

  constructor(numEmbeddings: number, embeddingDim: number, config: EmbeddingConfig = {}) {
    super();
    expectOptions("Embedding", config, KEYS);
    expectSizes("Embedding", { numEmbeddings, embeddingDim });
    const { paddingIdx, init } = config;
    const zeroRow = paddingRow("Embedding", paddingIdx, numEmbeddings);
    this.weight = new Parameter([numEmbeddings, embeddingDim], init ?? rowsInit(zeroRow));
    this.paddingIdx = paddingIdx;
  }

  /** Return the rows of an index [*] i32: [*, embeddingDim]. */
  forward(index: Tensor): Tensor {
    return embedding(index, this.weight, { paddingIdx: this.paddingIdx });
  }
}
