// Images as files hold them, still encoded: what each is called, which class it has, and its bytes when asked.
import { DataError } from "../data/index.ts";
import { PhiloxStream } from "../tensor/philox.ts";
import { EspalierError, visible } from "../text/index.ts";
import type { PassedOver } from "./passed_over.ts";

/** Labelled encoded images. Names and labels are known at once; bytes are read one image at a time. */
export interface EncodedSource {
  /** For messages: a folder, a file. */
  readonly name: string;
  readonly length: number;
  readonly classes: readonly string[];
  /** What messages call image i: a path below the folder, a sample of an archive. Never used to open anything else. */
  key(i: number): string;
  label(i: number): number;
  /** Errors: SourceError naming the file. */
  read(i: number): Promise<Uint8Array>;
  /**
   * Where images can only be read together (row groups of parquet): the first image of each group, rising from 0, and
   * how many groups may be held at a time. An order that keeps to them reads each group once.
   */
  readonly groups?: ImageGroups | undefined;
  /** Where reading a few images is dear (row groups of parquet): what else tells the contents from others, as sizes. */
  readonly marks?: readonly string[] | undefined;
  /** What was left aside when the source was opened, and what is to be said of it. */
  readonly passedOver?: readonly PassedOver[];
  readonly notes?: readonly string[];
  close(): Promise<void>;
}

export interface ImageGroups {
  readonly starts: Uint32Array;
  readonly together: number;
}

/** An image that cannot be used: not an image, damaged, too large. Names source and image. */
export class ImageError extends EspalierError {
  override readonly name = "ImageError";
  readonly source: string;
  readonly key: string;
  /** What is wrong with it, without its name. */
  readonly fault: string;
  constructor(source: string, key: string, fault: string) {
    super(visible(`${source}: ${key}: ${fault}`));
    this.source = source;
    this.key = key;
    this.fault = fault;
  }
}

const EXTENSIONS = new Set(["jpg", "jpeg", "jpe", "jfif", "png", "webp", "gif", "tif", "tiff", "avif"]);

/** Whether a file name ends as those of images do; capitals do not matter. */
export function hasImageExtension(name: string): boolean {
  return EXTENSIONS.has(name.slice(name.lastIndexOf(".") + 1).toLowerCase()) && name.includes(".");
}

/** A larger file is no image of a data set, in bytes. */
export const LARGEST_FILE = 2 ** 28;

/** Some images of a source, in rising order; `close` is called once for each part, the last one closes the source. */
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
 * Two sources out of one: of each class a share is held out for testing, drawn from the seed and nothing else.
 *
 * Errors    DataError when the share is not between 0 and 1, or so small or large that one part has no images.
 */
export function holdOut(
  source: EncodedSource,
  share: number,
  seed: number,
): { train: EncodedSource; test: EncodedSource } {
  if (!(share > 0 && share < 1)) throw new DataError(`holdOut: share wants a number in (0, 1), was given ${share}`);
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
    throw new DataError(
      `${source.name}: a share of ${share} holds out ${count} of ${source.length} images: expected a larger share (--held-out), or a part to test with`,
    );
  }
  const pick = (flag: number) => Uint32Array.from(Array.from(held.keys()).filter((i) => held[i] === flag));
  const users = { left: 2 };
  return { train: part(source, pick(0), users), test: part(source, pick(1), users) };
}
