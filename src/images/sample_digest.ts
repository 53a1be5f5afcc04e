// Hash of a source's images, which takes a moment for any number of images; and the sizes of some of them.
import { createHash } from "node:crypto";
import type { SampleSizes } from "../data/index.ts";
import type { EncodedSource } from "./encoded_source.ts";
import { loadSharp } from "./sharp.ts";

/** Most names hashed, and most images whose bytes are hashed. */
const NAMES = 65_536;
const CONTENTS = 64;

/** Return at most `most` numbers below `count`, evenly spaced, with the first and the last. */
export function spread(count: number, most: number): number[] {
  const n = Math.min(count, most);
  if (n < 2) return n === 1 ? [0] : [];
  return Array.from({ length: n }, (_, k) => Math.round((k * (count - 1)) / (n - 1)));
}

/**
 * Compute the SHA-256 of all labels, of the names of up to 65,536 images and of the bytes of up to 64, evenly spaced.
 * For images in groups, reading 64 would read all groups: their `marks` replace the contents. An unreadable file counts
 * as empty: training reports it.
 */
export async function sourceDigest(source: EncodedSource): Promise<string> {
  const { length } = source;
  const hash = createHash("sha256").update(`${length} images\n`);
  hash.update(new Uint8Array(Int32Array.from({ length }, (_, i) => source.label(i)).buffer));
  hash.update(
    spread(length, NAMES)
      .map((i) => source.key(i))
      .join("\n"),
  );
  if (source.marks) return hash.update(source.marks.join("\n")).digest("hex");
  const contents = await Promise.all(
    spread(length, CONTENTS).map((i) => source.read(i).catch(() => new Uint8Array(0))),
  );
  for (const bytes of contents) hash.update(`${bytes.length} bytes\n`).update(bytes);
  return hash.digest("hex");
}

/** Read heights and widths of some images from their headers; for images in groups, from the first group. */
export async function sampleSizes(source: EncodedSource, most: number): Promise<SampleSizes> {
  const sharp = await loadSharp();
  const sizes: [number, number][] = [];
  let unreadable = 0;
  let fault: string | undefined;
  for (const i of spread(source.groups?.starts[1] ?? source.length, most)) {
    try {
      const { height, width } = await sharp(await source.read(i), { limitInputPixels: false }).metadata();
      sizes.push([height, width]);
    } catch (cause) {
      unreadable++;
      fault ??= `${source.key(i)}: ${(cause as Error).message.split("\n")[0]}`;
    }
  }
  return { sizes, unreadable, ...(fault === undefined ? {} : { fault }) };
}
