// Order of the images in an epoch.
import { orderAsStored, shuffle, shuffledOrder } from "../data/sampler.ts";
import { PhiloxStream } from "../tensor/philox.ts";
import type { EncodedSource, ImageGroups } from "./encoded_source.ts";

/** Shuffle the groups, and the images among `together` groups at a time: each group is read once. */
function groupedOrder(length: number, { starts, together }: ImageGroups, seed: number, epoch: number): Uint32Array {
  const order = new Uint32Array(length);
  const groups = shuffledOrder(starts.length, seed, epoch);
  const random = new PhiloxStream(seed, "shuffle");
  let filled = 0;
  for (let first = 0; first < groups.length; first += together) {
    const begin = filled;
    for (const group of groups.subarray(first, first + together)) {
      const end = starts[group + 1] ?? length;
      for (let i = starts[group]!; i < end; i++) order[filled++] = i;
    }
    random.moveTo([epoch, first, 2]);
    shuffle(order.subarray(begin, filled), random);
  }
  return order;
}

/**
 * Return the images of an epoch: as stored for evaluation; shuffled by (seed, epoch) for training, by groups if needed.
 */
export function epochOrder(
  source: Pick<EncodedSource, "length" | "groups">,
  seed: number,
  epoch: number,
  training: boolean,
): Uint32Array {
  if (!training) return orderAsStored(source.length);
  const { groups } = source;
  return groups && groups.starts.length > groups.together
    ? groupedOrder(source.length, groups, seed, epoch)
    : shuffledOrder(source.length, seed, epoch);
}

/** Return the group of image i. `starts`: first image of each group, rising from 0; `count`: how many groups there are. */
export function groupAt(starts: Uint32Array, i: number, count = starts.length): number {
  let [low, high] = [0, count - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (starts[middle]! <= i) low = middle;
    else high = middle - 1;
  }
  return low;
}
