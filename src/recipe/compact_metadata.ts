// Records the sizes of a compacted model in its file, so that every command builds the model by its name.
import { z } from "zod";
import type { CompactSizes } from "../internal.ts";
import { UsageError } from "../terminal/fail.ts";
import { readMlpMetadata } from "./objective_metadata.ts";

const size = z.int().min(1);
const LAYER = z.strictObject({
  weight: z.array(size).optional(),
  bias: z.boolean().optional(),
  groups: size.optional(),
  channels: z.int().min(0).optional(),
  zeros: z.tuple([z.int().min(0), z.int().min(0)]).optional(),
});
const SIZES = z.record(z.string(), LAYER);

/** Return the metadata of a compacted model; empty if no layer changed. */
export function compactMetadata(sizes: CompactSizes): Record<string, string> {
  return Object.keys(sizes).length > 0 ? { compact: JSON.stringify(sizes) } : {};
}

/** Settings of a model that its file records besides its name and neurons. */
export interface RecordedSizes {
  readonly layers?: number;
  readonly width?: number;
  readonly compact?: CompactSizes;
}

/** Read the sizes of hidden layers and of a compacted model. Throws UsageError if they are corrupt. */
export function readSizes(metadata: ReadonlyMap<string, string>, file: string): RecordedSizes {
  const hidden = readMlpMetadata(metadata, file) as RecordedSizes;
  const text = metadata.get("compact");
  return text === undefined ? hidden : { ...hidden, compact: sizesIn(text, `${file}: its metadata "compact"`) };
}

/** Read sizes from their text. Throws UsageError if they are corrupt. */
export function sizesIn(text: string, what: string): CompactSizes {
  try {
    return SIZES.parse(JSON.parse(text)) as CompactSizes;
  } catch {
    throw new UsageError(`${what} is corrupt: ${text.slice(0, 80)}`);
  }
}

/** Put the sizes of a second compaction over those of the first. */
export function mergedSizes(first: CompactSizes = {}, second: CompactSizes): CompactSizes {
  const paths = new Set([...Object.keys(first), ...Object.keys(second)]);
  return Object.fromEntries([...paths].map((path) => [path, { ...first[path], ...second[path] }]));
}
