// The order of images and their batches: a pure function of (seed, epoch), so that a run can resume at any batch.
import { PhiloxStream } from "../tensor/philox.ts";
import { expectWhole } from "./errors.ts";

/**
 * Draw a permutation of 0..n-1 from stream `shuffle` at this epoch. The same (n, seed, epoch) gives the same
 * order on every host.
 * Throws DataError unless n is a u32.
 */
export function shuffledOrder(n: number, seed: number, epoch: number): Uint32Array {
  expectWhole("shuffledOrder: n", n, 0, 2 ** 32 - 1);
  const random = new PhiloxStream(seed, "shuffle", [epoch, 0, 0]);
  const order = orderAsStored(n);
  shuffle(order, random);
  return order;
}

/** Shuffle in place (Fisher-Yates). */
export function shuffle(order: Uint32Array, random: PhiloxStream): void {
  for (let i = order.length - 1; i > 0; i--) {
    const j = random.nextBelow(i + 1);
    const held = order[i]!;
    order[i] = order[j]!;
    order[j] = held;
  }
}

/** Return 0, 1, ... n-1. */
export function orderAsStored(n: number): Uint32Array {
  const order = new Uint32Array(n);
  for (let i = 0; i < n; i++) order[i] = i;
  return order;
}

/**
 * Return the count of batches of an epoch; `dropLast` skips a last short one. Throws DataError unless n is an integer >= 0
 * and batchSize one >= 1.
 */
export function batchCount(n: number, batchSize: number, dropLast = false): number {
  expectWhole("batchCount: n", n, 0);
  expectWhole("batchCount: batchSize", batchSize, 1);
  return dropLast ? Math.floor(n / batchSize) : Math.ceil(n / batchSize);
}

/**
 * Return the image indices of batch k of an order, as a view; the last batch may be shorter. Throws DataError for a batch
 * that does not exist.
 */
export function batchIndices(order: Uint32Array, k: number, batchSize: number): Uint32Array {
  expectWhole("batchIndices: batch", k, 0, batchCount(order.length, batchSize) - 1);
  return order.subarray(k * batchSize, (k + 1) * batchSize);
}
