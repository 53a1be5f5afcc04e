// Webdataset archives: tar files in which members with one stem form a sample, `key.jpg` with `key.cls` or `key.json`.
// The archive is scanned once for positions; then each image is one read.
import { createReadStream } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Extract, Header } from "tar-stream";
import { expectKnown, labelRefusal, nameList, numbersFor } from "../data/class_names.ts";
import { MAX_CLASSES } from "../data/dataset.ts";
import { DataError, SourceError } from "../data/index.ts";
import { importPackage } from "../node/packages.ts";
import { readRegularText, regularFile } from "../node/regular_file.ts";
import { expectKeys, type KeysOf } from "../text/index.ts";
import { cut, visible } from "../text/quote.ts";
import { CLASS_LISTS } from "./archive_files.ts";
import { type EncodedSource, hasImageExtension, LARGEST_FILE } from "./encoded_source.ts";
import { isSystemName, SkippedFileCount, type SkippedFiles } from "./passed_over.ts";
import { PositionedFiles } from "./positioned_files.ts";

/** Options of `openWebdataset`. */
export interface WebdatasetOptions {
  /**
   * Classes of the labels. Default: `classes.txt` or `classnames.txt` beside the archives, one name a line; else
   * numbers up to the largest label. Archives with their own file of names are matched by name.
   */
  readonly classes?: readonly string[] | undefined;
  /** Another folder to search for such a file. */
  readonly near?: string;
}

export const WEBDATASET_KEYS: KeysOf<WebdatasetOptions> = { classes: true, near: true };

/** Most bytes of a label; a longer member is something else. */
const LARGEST_LABEL = 2 ** 20;

interface Sample {
  readonly key: string;
  readonly file: number;
  offset: number;
  size: number;
  /** A class number, or its name. */
  label: number | string | null;
}

/** tar-stream gives the offset of a member's bytes, but its types do not. */
type Placed = Header & { readonly byteOffset: number };
type Entry = Extract extends AsyncIterable<infer Item> ? Item : never;

/** Split a member's name into key and field: the stem up to the first dot of the last part, and the rest. */
function splitName(tar: string, name: string): { key: string; field: string } {
  const parts = name.replace(/^(\.\/)+/, "").split("/");
  const bad = name.includes("\\") || name.includes("\0") || parts.some((part) => part === "" || part === "..");
  if (bad) throw new SourceError(tar, JSON.stringify(name), "expected a plain relative path as the member's name");
  const last = parts.at(-1)!;
  const dot = last.indexOf(".", 1);
  const stem = dot < 0 ? last : last.slice(0, dot);
  return { key: [...parts.slice(0, -1), stem].join("/"), field: dot < 0 ? "" : last.slice(dot + 1).toLowerCase() };
}

/** Check for a system's member, such as ._a.jpg of macOS. Refuses the names that splitName refuses. */
function isHidden(tar: string, name: string): boolean {
  splitName(tar, name);
  return name.split("/").some((part) => part !== "." && isSystemName(part));
}

/** Split a name with dots in its stem: the key is everything before the last dot. */
function splitLast(name: string): { key: string; field: string } {
  const dot = name.lastIndexOf(".");
  return { key: name.slice(0, dot).replace(/^(\.\/)+/, ""), field: name.slice(dot + 1).toLowerCase() };
}

function labelOf(tar: string, name: string, field: string, bytes: Uint8Array): number | string | null {
  const text = new TextDecoder().decode(bytes).trim();
  if (field === "cls") return /^[-+]?\d+(\.\d*)?$/.test(text) ? Number(text) : text;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new SourceError(tar, name, `not JSON: ${(cause as Error).message}`);
  }
  if (typeof value !== "object" || value === null) return null;
  const { label, cls } = value as Record<string, unknown>;
  const found = label ?? cls;
  return typeof found === "number" || typeof found === "string" ? found : null;
}

async function bytesOf(entry: Entry): Promise<Uint8Array> {
  const parts: Buffer[] = [];
  for await (const chunk of entry) parts.push(chunk as Buffer);
  return Buffer.concat(parts);
}

function refuse(tar: string, { name, type, size }: Header, most: number): void {
  if (type !== "file" && type !== "contiguous-file")
    throw new SourceError(tar, name, `expected a file, got a ${type} (links are not followed)`);
  if (size > most) throw new SourceError(tar, name, `expected at most ${most} bytes, got ${size}`);
}

const isImageField = (field: string): boolean => !field.includes(".") && hasImageExtension(`.${field}`);
const isLabelField = (field: string): boolean => field === "cls" || field === "json";

interface Index {
  readonly samples: Sample[];
  readonly passed: SkippedFileCount;
}

/** Samples of one archive while it is scanned. */
class TarIndex {
  private readonly path: string;
  private readonly file: number;
  private readonly seen = new Map<string, Sample>();
  /** Samples of members with dots in their stems, by everything before the last dot. */
  private readonly dotted = new Map<string, Sample>();

  constructor(path: string, file: number) {
    this.path = path;
    this.file = file;
  }

  private sample(of: Map<string, Sample>, key: string): Sample {
    const sample = of.get(key) ?? { key, file: this.file, offset: -1, size: 0, label: null };
    of.set(key, sample);
    return sample;
  }

  /** Add a member. Returns true if its bytes were read. */
  async take(entry: Entry): Promise<boolean> {
    const header = entry.header as Placed;
    const first = splitName(this.path, header.name);
    const last = splitLast(header.name);
    const plain = isImageField(first.field) || isLabelField(first.field);
    const { key, field } = plain ? first : last;
    const isLabel = isLabelField(field);
    refuse(this.path, header, isLabel ? LARGEST_LABEL : LARGEST_FILE);
    if (!isLabel && !isImageField(field)) return false;
    const sample = this.sample(plain ? this.seen : this.dotted, key);
    if (isLabel) {
      const label = labelOf(this.path, header.name, field, await bytesOf(entry));
      // A .cls is the label; a .json only without one.
      if (field === "cls" || sample.label === null) sample.label = label;
      return true;
    }
    if (sample.offset >= 0)
      throw new SourceError(this.path, header.name, "expected one image per sample, got a second one");
    sample.offset = header.byteOffset;
    sample.size = header.size;
    return false;
  }

  /**
   * Return the samples in order. img.v2.jpg is the image of img.v2.cls, or of img.cls if that has no other; else it is
   * an additional image of a sample, as webdataset's left.jpg and right.jpg, and is skipped.
   */
  finish(passed: SkippedFileCount): Sample[] {
    const found = [...this.seen.values()];
    const orphans = new Map<string, Sample[]>();
    for (const sample of this.dotted.values()) {
      if (sample.label !== null && sample.offset >= 0) found.push(sample);
      else if (sample.offset >= 0) {
        const { key } = splitName(this.path, `${sample.key}.jpg`);
        orphans.set(key, [...(orphans.get(key) ?? []), sample]);
      } else passed.add("labels with dots in their names that belong to no image", `${sample.key}.cls`);
    }
    for (const [key, images] of orphans) {
      const [image, ...more] = images as [Sample];
      const labelled = this.seen.get(key);
      if (more.length === 0 && labelled?.offset === -1)
        Object.assign(labelled, { offset: image.offset, size: image.size });
      else passed.add("images with dots in their names that belong to no label", image.key, images.length);
    }
    return found.sort((a, b) => a.offset - b.offset);
  }
}

/** Bytes of a tar block; an archive ends with two blocks of zeros. */
const TAR_BLOCK = 512;

/**
 * Refuse an archive without its end: an archive cut between two members would silently be a smaller data set. One block
 * of zeros is enough, as for GNU tar; all writers of webdatasets write two.
 */
async function expectTarEnd(path: string, membersEnd: number): Promise<void> {
  const at = Math.ceil(membersEnd / TAR_BLOCK) * TAR_BLOCK;
  const files = new PositionedFiles();
  try {
    const left = (await files.size(path)) - at;
    const block = new Uint8Array(Math.max(0, Math.min(left, TAR_BLOCK)));
    await files.read(path, block, at);
    if (block.length === TAR_BLOCK && block.every((byte) => byte === 0)) return;
    const found = left <= 0 ? "the file ends" : `got ${left} other bytes`;
    const message = `expected the end of the archive (a block of zeros) at byte ${at}, after the last member, but ${found}`;
    throw new SourceError("webdataset", path, `${message}: it is truncated or was never closed; write it again`);
  } finally {
    await files.close();
  }
}

/** Add the samples of one archive. */
async function indexTar(path: string, file: number, { samples, passed }: Index): Promise<void> {
  await regularFile(path).catch((cause: Error) => {
    throw new SourceError("webdataset", path, cause.message);
  });
  const { extract } = await importPackage("tar-stream", "archives of images need", () => import("tar-stream"));
  const tar = extract();
  const stream = createReadStream(path, { highWaterMark: 2 ** 20 });
  stream.on("error", (error) => tar.destroy(error));
  stream.pipe(tar);
  const index = new TarIndex(path, file);
  let end = 0;
  try {
    for await (const entry of tar) {
      const { type, name, size = 0, byteOffset } = entry.header as Placed;
      end = byteOffset + size;
      if (type !== "directory" && isHidden(path, name)) {
        passed.add("hidden and system files", name);
        entry.resume();
      } else if (type !== "directory" && !(await index.take(entry))) {
        const ending = name.slice(name.lastIndexOf(".") + 1).toLowerCase();
        if (!isImageField(ending)) passed.add(`.${ending} members`, name);
        entry.resume();
      } else if (type === "directory") entry.resume();
    }
  } catch (cause) {
    if (cause instanceof SourceError) throw cause;
    const words = visible(cut((cause as Error).message, 200));
    throw new SourceError("webdataset", path, `not a complete tar archive: ${words} (unpack a .tar.gz first)`);
  } finally {
    stream.destroy();
  }
  await expectTarEnd(path, end);
  samples.push(...index.finish(passed));
}

async function classesBeside(path: string, near: string | undefined): Promise<string[] | null> {
  for (const folder of near === undefined ? [dirname(path)] : [dirname(path), near]) {
    for (const name of CLASS_LISTS) {
      const text = await readRegularText(join(folder, name)).catch(() => null);
      if (text === null) continue;
      const names = text
        .split(/\r?\n/)
        .map((line) => line.trim())
        .filter((line) => line !== "");
      const twice = names.find((line, i) => names.indexOf(line) !== i);
      if (twice !== undefined)
        throw new SourceError("webdataset", join(folder, name), `${twice}: expected each class once, got it twice`);
      return names;
    }
  }
  return null;
}

/** Refuse class names without a list of classes. */
function refuseNames(where: string, samples: readonly Sample[]): void {
  const names = [...new Set(samples.map(({ label }) => label).filter((label) => typeof label === "string"))].sort();
  if (names.length === 0) return;
  const message = `class names in .cls or .json (${nameList(names)}): expected a classes.txt beside the archives, one name a line`;
  throw new SourceError("webdataset", where, message);
}

/** Refuse archives without any label: a tar of an image folder, or ILSVRC's of a single class. */
function refuseUnlabelled(where: string, samples: readonly Sample[], passed: readonly SkippedFiles[]): void {
  if (samples.length < 2 || samples.some(({ label }) => label !== null)) return;
  const beside = passed.map(({ what, count }) => `${count} ${what}`).join(", ");
  const found = beside === "" ? "" : `; found ${beside}`;
  const message = `expected labels (.cls, or .json with label or cls), got ${samples.length} images without any${found}: unpack it into a folder for each class`;
  throw new SourceError("webdataset", where, message);
}

function labelsOf(paths: readonly string[], samples: readonly Sample[], classes: readonly string[] | null): Int32Array {
  const numbers = new Map(classes?.map((name, i) => [name, i]));
  return Int32Array.from(samples, ({ key, file, offset, label }) => {
    const where = paths[file]!;
    if (offset < 0) throw new SourceError(where, key, "a sample without an image (.jpg, .png, .webp, ...)");
    if (label === null)
      throw new SourceError(where, key, "a sample without a label (.cls, or .json with label or cls)");
    const number = typeof label === "string" ? (numbers.get(label) ?? -1) : label;
    const most = classes ? classes.length : MAX_CLASSES;
    if (Number.isInteger(number) && number >= 0 && number < most) return number;
    throw new SourceError(where, key, labelRefusal(label, classes, MAX_CLASSES));
  });
}

/**
 * Open tar archives as a source of images, in their order.
 *
 * An image is `.jpg`, `.jpeg`, `.jfif`, `.png`, `.webp`, `.gif`, `.tif`, `.tiff` or `.avif`; its label an integer in
 * `.cls`, or `label` or `cls` of `.json`; or a class name, if the classes are known. A key ends at the first dot of the
 * last part of a name; see TarIndex for images with more dots. Names are keys and open no file; other members are
 * counted and skipped.
 *
 * Memory    about 150 bytes a sample; archives are read at image places, 64 of them open at a time.
 * Errors    SourceError naming archive and member: names with `..`, links, images or labels that are missing, a second
 *           image, labels beyond the classes, a cut archive.
 */
export async function openWebdataset(
  paths: readonly string[],
  options: WebdatasetOptions = {},
): Promise<EncodedSource> {
  expectKeys(options, WEBDATASET_KEYS, (problem) => new DataError(`openWebdataset: ${problem}`));
  const [first] = paths;
  if (first === undefined) throw new SourceError("webdataset", "*.tar", "expected at least one archive, got none");
  const samples: Sample[] = [];
  const passed = new SkippedFileCount();
  for (const [file, path] of paths.entries()) await indexTar(path, file, { samples, passed });
  const name = paths.length === 1 ? first : `${dirname(first)} (${paths.length} archives)`;
  if (samples.length === 0) throw new SourceError("webdataset", name, "no images");
  refuseUnlabelled(name, samples, passed.list());
  const own = await classesBeside(first, options.near);
  const given = own ?? options.classes ?? null;
  if (given === null) refuseNames(name, samples);
  const labels = labelsOf(paths, samples, given);
  const largest = labels.reduce((a, b) => Math.max(a, b), 0);
  const found = given ?? Array.from({ length: largest + 1 }, (_, i) => String(i));
  const classes = options.classes ?? found;
  if (own !== null && options.classes) {
    const map = expectKnown((label) => `${name}: ${label}`, own, options.classes);
    for (const [i, label] of labels.entries()) labels[i] = map[label]!;
  }
  const files = new PositionedFiles();
  const at = (i: number): Sample => samples[i]!;
  return {
    name,
    length: samples.length,
    classes,
    key: (i) => `${basename(paths[at(i).file]!)}: ${at(i).key}`,
    label: (i) => labels[i]!,
    passedOver: passed.list(),
    notes:
      own === null && samples.every(({ label }) => typeof label === "number") ? numbersFor(name, options.classes) : [],
    async read(i) {
      const { file, offset, size } = at(i);
      const bytes = new Uint8Array(size);
      await files.read(paths[file]!, bytes, offset);
      return bytes;
    },
    close: () => files.close(),
  };
}
