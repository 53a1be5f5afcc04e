// Size of a pruned network, in weights and in bits of two sparse formats.
import { checksOf } from "../text/index.ts";

const check = checksOf("compression");

/** A prunable weight. */
export interface LayerZeros {
  readonly name: string;
  /** Shape of the weight, output axis first: [128, 784] or [64, 32, 3, 3]. */
  readonly shape: readonly number[];
  /** Number of entries that are exactly 0. */
  readonly zeros: number;
}

/** Sizes in bits. A ratio is dense bits over bits; null if nothing is stored. */
export interface StoredSize {
  /** 32 bits for each number. */
  readonly dense: number;
  readonly csr: number;
  readonly bitmask: number;
  readonly csrRatio: number | null;
  readonly bitmaskRatio: number | null;
}

/** Sizes of a pruned network, dense and sparse. */
export interface Compression {
  /** The given layers alone. */
  readonly pruned: StoredSize & {
    readonly weights: number;
    readonly nonzeros: number;
    /** weights / nonzeros: the compression ratio of most papers. Null if no weight is left. */
    readonly ratio: number | null;
  };
  /** The layers and all other parameters, which every format stores densely. */
  readonly model: StoredSize & {
    readonly parameters: number;
    /** Non-zero weights of the layers plus all other parameters. */
    readonly kept: number;
    /** parameters / kept. Null if nothing is left. */
    readonly ratio: number | null;
  };
}

const WORD = 32;

/** Return the smallest b with 2^b >= count. Exact, unlike a rounded logarithm. */
function bitsFor(count: number): number {
  let bits = 0;
  for (let reach = 1; reach < count; reach *= 2) bits++;
  return bits;
}

function stored(dense: number, csr: number, bitmask: number): StoredSize {
  const over = (bits: number) => (bits === 0 ? null : dense / bits);
  return { dense, csr, bitmask, csrRatio: over(csr), bitmaskRatio: over(bitmask) };
}

function sizesOf({ name, shape, zeros }: LayerZeros) {
  const valid = shape.length > 0 && shape.every((n) => Number.isSafeInteger(n) && n >= 1);
  check(name, "a shape of integers >= 1", `[${shape.join(",")}]`, valid);
  const weights = shape.reduce((product, n) => product * n, 1);
  check(name, `0 to ${weights} zeros`, zeros, Number.isInteger(zeros) && zeros >= 0 && zeros <= weights);
  const rows = shape[0]!;
  const nonzeros = weights - zeros;
  const index = Math.max(1, bitsFor(weights / rows));
  return {
    weights,
    nonzeros,
    csr: nonzeros * (WORD + index) + (rows + 1) * bitsFor(nonzeros + 1),
    bitmask: weights + nonzeros * WORD,
  };
}

/**
 * Compute the size of a pruned network and of the dense one.
 *
 * Dense     32 bits for every number.
 * CSR       compressed sparse rows, of each layer as a matrix of shape[0] rows and the product of the other axes as
 *           columns: for each non-zero 32 bits of value and ceil(log2(columns)) bits of column (at least 1), and
 *           rows + 1 pointers of ceil(log2(nonzeros + 1)) bits each. A layer that is all zeros takes 0 bits.
 * Bitmask   one bit for each weight, and 32 for each non-zero.
 *
 * Not counted: names, shapes and other headers, padding to whole bytes, buffers such as running statistics, and entropy
 * coding or values of fewer bits.
 *
 * Arguments  `otherParameters`: number of parameters outside the layers (biases, batch norm); stored densely.
 * Errors     ArgumentError if a shape is not of integers >= 1 or a count does not fit.
 * @example
 * const { pruned } = compression([{ name: "fc.weight", shape: [10, 100], zeros: 900 }], 10);
 * console.log(pruned.ratio); // 10
 */
export function compression(layers: readonly LayerZeros[], otherParameters: number): Compression {
  const counted = Number.isSafeInteger(otherParameters) && otherParameters >= 0;
  check("otherParameters", "an integer >= 0", otherParameters, counted);
  const total = { weights: 0, nonzeros: 0, csr: 0, bitmask: 0 };
  for (const layer of layers) {
    const sizes = sizesOf(layer);
    total.weights += sizes.weights;
    total.nonzeros += sizes.nonzeros;
    total.csr += sizes.csr;
    total.bitmask += sizes.bitmask;
  }
  const { weights, nonzeros, csr, bitmask } = total;
  const parameters = weights + otherParameters;
  const kept = nonzeros + otherParameters;
  const rest = WORD * otherParameters;
  const times = (all: number, left: number) => (left === 0 ? null : all / left);
  return {
    pruned: { weights, nonzeros, ratio: times(weights, nonzeros), ...stored(WORD * weights, csr, bitmask) },
    model: {
      parameters,
      kept,
      ratio: times(parameters, kept),
      ...stored(WORD * parameters, csr + rest, bitmask + rest),
    },
  };
}
