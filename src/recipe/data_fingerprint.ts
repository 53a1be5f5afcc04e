// Identifies the data of a run by a few words and hashes, which checkpoints record and a resumed run compares.
import { createHash } from "node:crypto";
import { z } from "zod";
import { spread } from "../images/index.ts";
import { type ArrayDataset, isArrays, isStreamed, type LabelledImages, type SessionSamples } from "../internal.ts";
import type { Splits } from "./splits.ts";

/** Samples of data in memory whose bytes are hashed. */
const CONTENTS = 256;

const part = z.object({
  count: z.int().min(0),
  /** Channels, height and width that the network sees. */
  shape: z.array(z.int()),
  classes: z.array(z.string()),
  /** Hash of labels, names and sampled contents; empty if no file was read. */
  hash: z.string(),
});
/** Schema of a fingerprint in a checkpoint. */
export const dataFingerprintSchema = z.object({
  /** Layout of the data: folder, webdataset, parquet, shards, or the data set's name. */
  layout: z.string(),
  train: part,
  test: part,
});
type PartFingerprint = z.infer<typeof part>;
export type DataFingerprint = z.infer<typeof dataFingerprintSchema>;

function heldDigest({ images, labels, length }: Exclude<LabelledImages, { batches: unknown }>): string {
  const hash = createHash("sha256").update(`${length} samples\n`).update(Int32Array.from(labels));
  const bytes = images.length / length;
  for (const i of spread(length, CONTENTS)) hash.update(images.subarray(i * bytes, (i + 1) * bytes));
  return hash.digest("hex");
}

/** Hash all numbers of a part, after they are scaled. */
function arraysDigest({ x, y, shape, targetShape }: ArrayDataset): string {
  const bytes = ({ buffer, byteOffset, byteLength }: ArrayBufferView) => new Uint8Array(buffer, byteOffset, byteLength);
  const hash = createHash("sha256").update(JSON.stringify([shape, targetShape]));
  return hash.update(bytes(x)).update(bytes(y)).digest("hex");
}

async function partOf(data: SessionSamples): Promise<PartFingerprint> {
  const { length, shape, classes } = data;
  if (isArrays(data)) return { count: length, shape: [...shape], classes: [...classes], hash: arraysDigest(data) };
  const hash = isStreamed(data) ? ((await data.samples?.digest()) ?? "") : heldDigest(data);
  return { count: length, shape: [...shape], classes: [...classes], hash };
}

/**
 * Compute the fingerprint of a run's data: layout, counts, shapes, class names, and a hash of all labels with the names and
 * contents of samples. It does not depend on the folder. Takes a fraction of a second for a million images.
 */
export async function fingerprintOf(splits: Pick<Splits, "train" | "test" | "layout">): Promise<DataFingerprint> {
  const [train, test] = await Promise.all([partOf(splits.train), partOf(splits.test)]);
  return { layout: splits.layout, train, test };
}

/** List up to six names, and the total. */
function nameList(names: readonly string[]): string {
  const shown = names.slice(0, 6).join(", ");
  return names.length > 6 ? `${shown} and ${names.length - 6} more` : shown;
}

const sameList = (a: readonly unknown[], b: readonly unknown[]) =>
  a.length === b.length && a.every((value, i) => value === b[i]);

function partDifference(what: string, was: PartFingerprint, now: PartFingerprint): string | null {
  if (!sameList(was.classes, now.classes))
    return `the classes of the ${what} part were ${nameList(was.classes)}, now they are ${nameList(now.classes)}`;
  if (was.count !== now.count) return `the ${what} part had ${was.count} samples, now it has ${now.count}`;
  if (!sameList(was.shape, now.shape))
    return `the ${what} samples were [${was.shape.join(", ")}], now they are [${now.shape.join(", ")}]`;
  if (was.hash !== now.hash)
    return `the ${what} part has ${now.count} samples as before, but others, or in another order`;
  return null;
}

/** Describe the most important difference to the data of now in one line; null if they are the same. */
export function fingerprintDifference(was: DataFingerprint, now: DataFingerprint): string | null {
  const first = partDifference("training", was.train, now.train) ?? partDifference("test", was.test, now.test);
  if (first !== null) return first;
  return was.layout === now.layout ? null : `the layout of the data was ${was.layout}, now it is ${now.layout}`;
}
