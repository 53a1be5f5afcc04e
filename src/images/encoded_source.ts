// Encoded images: key, class, and bytes on demand.
import { DataError, expectWhole } from "../data/errors.ts";
import { PhiloxStream } from "../tensor/philox.ts";
import { EspalierError, visible } from "../text/index.ts";
import type { SkippedFiles } from "./passed_over.ts";

/** Labelled encoded images. Names and labels are in memory; bytes are read one image at a time. */
export interface EncodedSource {
  /** For messages: a folder, a file. */
  readonly name: string;
  readonly length: number;
  readonly classes: readonly string[];
  /** Name of image i in messages: a path below the folder, a sample of an archive. Never used to open another file. */
  key(i: number): string;
  label(i: number): number;
  /** Errors: SourceError naming the file. */
  read(i: number): Promise<Uint8Array>;
  /**
   * For images that can only be read together (row groups of parquet): the first image of each group, rising from 0,
   * and how many groups fit in memory. An order by groups reads each group once.
   */
  readonly groups?: ImageGroups | undefined;
  /** For sources in which reading a few images is slow (row groups of parquet): sizes that identify the contents. */
  readonly marks?: readonly string[] | undefined;
  /** Files that were skipped when the source was opened, and notes on it. */
  readonly passedOver?: readonly SkippedFiles[];
  readonly notes?: readonly string[];
  close(): Promise<void>;
}

/** Images that are read together. */
export interface ImageGroups {
  readonly starts: Uint32Array;
  readonly together: number;
}

/** An image that cannot be used: not an image, corrupt, too large. Names source and image. */
export class ImageError extends EspalierError {
  override readonly name = "ImageError";
  /** Name of the folder or archive. */
  readonly source: string;
  /** Name of the image in it. */
  readonly key: string;
  /** The fault, without the image's name. */
  readonly fault: string;
  constructor(source: string, key: string, fault: string) {
    super(visible(`${source}: ${key}: ${fault}`));
    this.source = source;
    this.key = key;
    this.fault = fault;
  }
}

const EXTENSIONS = new Set(["jpg", "jpeg", "jpe", "jfif", "png", "webp", "gif", "tif", "tiff", "avif"]);

/** Check for the ending of an image file; case is ignored. */
export function hasImageExtension(name: string): boolean {
  return EXTENSIONS.has(name.slice(name.lastIndexOf(".") + 1).toLowerCase()) && name.includes(".");
}

/** Limit of an image file, in bytes. */
export const LARGEST_FILE = 2 ** 28;

/** Return some images of a source, in rising order. `close` runs once for each part; the last one closes the source. */
function part(source: EncodedSource, picked: Uint32Array, users: { left: number }): EncodedSource {
  const at = (i: number): number => picked[i]!;
  let open = true;
  return {
    name: source.name,
    length: picked.length,
    classes: source.classes,
    key: (i) => source.key(at(i)),
    label: (i) => source.label(at(i)),
    read: (i) => source.read(at(i)),
    groups: source.groups && groupsOf(source.groups, picked),
    marks: source.marks,
    async close() {
      if (!open) return;
      open = false;
      users.left--;
      if (users.left === 0) await source.close();
    },
  };
}

/**
 * Return the first `perClass` images of each class, in the order of the source.
 *
 * Errors    DataError if `perClass` is not an integer >= 1, or a class has fewer images.
 */
export function firstEncodedOfEachClass(source: EncodedSource, perClass: number): EncodedSource {
  const { name, classes } = source;
  expectWhole(`${name}: images of each class`, perClass, 1);
  const counts = classes.map(() => 0);
  const picked: number[] = [];
  for (let i = 0; i < source.length; i++) {
    const count = ++counts[source.label(i)]!;
    if (count <= perClass) picked.push(i);
  }
  const short = counts.findIndex((count) => count < perClass);
  if (short >= 0)
    throw new DataError(
      `${name}: expected ${perClass} images of each class, got ${counts[short]} of class ${classes[short]}`,
    );
  return part(source, Uint32Array.from(picked), { left: 1 });
}

function groupsOf({ starts, together }: ImageGroups, picked: Uint32Array): ImageGroups {
  const found: number[] = [];
  let group = 0;
  let last = -1;
  for (const [i, image] of picked.entries()) {
    while (group + 1 < starts.length && starts[group + 1]! <= image) group++;
    if (group !== last) found.push(i);
    last = group;
  }
  return { starts: Uint32Array.from(found), together };
}

/**
 * Split a source in two: a share of each class is held out for testing, drawn from the seed alone.
 *
 * Errors    DataError if the share is not between 0 and 1, or leaves one part without images.
 */
export function holdOut(
  source: EncodedSource,
  share: number,
  seed: number,
): { train: EncodedSource; test: EncodedSource } {
  if (!(share > 0 && share < 1)) throw new DataError(`holdOut: share: expected a number in (0, 1), got ${share}`);
  const byClass = source.classes.map((): number[] => []);
  for (let i = 0; i < source.length; i++) byClass[source.label(i)]?.push(i);
  const held = new Uint8Array(source.length);
  // The third word keeps these draws apart from those that shuffle epochs.
  const random = new PhiloxStream(seed, "shuffle");
  let count = 0;
  for (const [label, images] of byClass.entries()) {
    random.moveTo([0, label, 1]);
    const wanted = Math.round(images.length * share);
    for (let i = 0; i < wanted; i++) {
      const j = i + random.nextBelow(images.length - i);
      [images[i], images[j]] = [images[j]!, images[i]!];
      held[images[i]!] = 1;
    }
    count += wanted;
  }
  if (count === 0 || count === source.length) {
    const problem = `${source.name}: a share of ${share} holds out ${count} of ${source.length} images: expected a larger share (--held-out), or a test part`;
    throw new DataError(problem);
  }
  const pick = (flag: number) => Uint32Array.from(Array.from(held.keys()).filter((i) => held[i] === flag));
  const users = { left: 2 };
  return { train: part(source, pick(0), users), test: part(source, pick(1), users) };
}
