// Webdataset archives: tar files whose members of one stem make one sample, `key.jpg` with `key.cls` or `key.json`.
// The archive is passed through once to learn where everything lies; then each image is one read at its place.
import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Extract, Header } from "tar-stream";
import { SourceError } from "../../data/index.ts";
import { type EncodedSource, hasImageExtension, LARGEST_FILE } from "./encoded_source.ts";
import { PositionedFiles } from "./positioned_files.ts";

export interface WebdatasetOptions {
  /** Default: `classes.txt` or `classnames.txt` beside the archives, one name a line; else numbers up to the largest label. */
  readonly classes?: readonly string[];
}

/** Labels are short; a longer member is something else. */
const LARGEST_LABEL = 2 ** 20;

interface Sample {
  readonly key: string;
  readonly file: number;
  offset: number;
  size: number;
  /** A class number, or its name. */
  label: number | string | null;
}

/** tar-stream tells where a member's bytes begin, but its types do not. */
type Placed = Header & { readonly byteOffset: number };
type Entry = Extract extends AsyncIterable<infer Item> ? Item : never;

/** A member's name as key and field: the stem up to the first dot of the last part, and what follows. */
function splitName(tar: string, name: string): { key: string; field: string } {
  const parts = name.replace(/^(\.\/)+/, "").split("/");
  const bad = name.includes("\\") || name.includes("\0") || parts.some((part) => part === "" || part === "..");
  if (bad) {
    throw new SourceError(tar, JSON.stringify(name), "a name that leads out of the archive, or nowhere: refused");
  }
  const last = parts.at(-1) as string;
  const dot = last.indexOf(".", 1);
  const stem = dot < 0 ? last : last.slice(0, dot);
  return { key: [...parts.slice(0, -1), stem].join("/"), field: dot < 0 ? "" : last.slice(dot + 1).toLowerCase() };
}

function labelOf(tar: string, name: string, field: string, bytes: Uint8Array): number | string | null {
  const text = new TextDecoder().decode(bytes).trim();
  if (field === "cls") return /^\d+$/.test(text) ? Number(text) : text;
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
  if (type !== "file" && type !== "contiguous-file") {
    throw new SourceError(tar, name, `a ${type}; only files are read, links are not followed`);
  }
  if (size > most) throw new SourceError(tar, name, `${size} bytes, at most ${most} are read`);
}

/** Adds the samples of one archive. */
async function indexTar(path: string, file: number, samples: Sample[]): Promise<void> {
  const { extract } = await import("tar-stream");
  const tar = extract();
  const stream = createReadStream(path, { highWaterMark: 2 ** 20 });
  stream.on("error", (error) => tar.destroy(error));
  stream.pipe(tar);
  const seen = new Map<string, Sample>();
  try {
    for await (const entry of tar) {
      const header = entry.header as Placed;
      if (header.type === "directory") {
        entry.resume();
        continue;
      }
      const { key, field } = splitName(path, header.name);
      const isLabel = field === "cls" || field === "json";
      refuse(path, header, isLabel ? LARGEST_LABEL : LARGEST_FILE);
      const isImage = !field.includes(".") && hasImageExtension(`.${field}`);
      if (!isLabel && !isImage) {
        entry.resume();
        continue;
      }
      const sample = seen.get(key) ?? { key, file, offset: -1, size: 0, label: null };
      if (!seen.has(key)) {
        seen.set(key, sample);
        samples.push(sample);
      }
      if (isImage) {
        if (sample.offset >= 0) throw new SourceError(path, header.name, "the second image of this sample");
        sample.offset = header.byteOffset;
        sample.size = header.size;
        entry.resume();
      } else {
        const label = labelOf(path, header.name, field, await bytesOf(entry));
        // A .cls is the label; a .json only where there is none.
        if (field === "cls" || sample.label === null) sample.label = label;
      }
    }
  } catch (cause) {
    if (cause instanceof SourceError) throw cause;
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT") throw new SourceError("webdataset", path, "no such file");
    throw new SourceError(
      "webdataset",
      path,
      `not a whole tar archive: ${message} (a packed .tar.gz has to be unpacked)`,
    );
  } finally {
    stream.destroy();
  }
}

async function classesBeside(path: string): Promise<string[] | null> {
  for (const name of ["classes.txt", "classnames.txt"]) {
    const text = await readFile(join(dirname(path), name), "utf8").catch(() => null);
    if (text !== null) return text.split(/\r?\n/).filter((line) => line.trim() !== "");
  }
  return null;
}

function labelsOf(paths: readonly string[], samples: readonly Sample[], classes: readonly string[] | null): Int32Array {
  const places = new Map(classes?.map((name, i) => [name, i]));
  return Int32Array.from(samples, ({ key, file, offset, label }) => {
    const where = paths[file] as string;
    if (offset < 0) throw new SourceError(where, key, "a sample without an image (.jpg, .png, .webp, ...)");
    if (label === null)
      throw new SourceError(where, key, "a sample without a label (.cls, or .json with label or cls)");
    const place = typeof label === "string" ? (places.get(label) ?? -1) : label;
    const most = classes ? classes.length : 65536;
    if (Number.isInteger(place) && place >= 0 && place < most) return place;
    throw new SourceError(where, key, `label ${JSON.stringify(label)} is none of the ${most} classes`);
  });
}

/**
 * The samples of tar archives, in the order in which they lie.
 *
 * An image is `.jpg`, `.jpeg`, `.png`, `.webp`, `.gif`, `.tif`, `.tiff` or `.avif`; its label a whole number in `.cls`,
 * or `label` or `cls` of `.json`; or a class's name, where the classes are known. Names are keys and open no file; other
 * members are passed over.
 *
 * Memory    about 150 bytes a sample; archives are read at image places, 64 of them open at a time.
 * Errors    SourceError naming archive and member: names with `..`, links, images or labels that are missing, a second
 *           image, labels beyond the classes, a cut archive.
 */
export async function openWebdataset(
  paths: readonly string[],
  options: WebdatasetOptions = {},
): Promise<EncodedSource> {
  const [first] = paths;
  if (first === undefined) throw new SourceError("webdataset", "*.tar", "wanted at least one archive");
  const samples: Sample[] = [];
  for (const [file, path] of paths.entries()) await indexTar(path, file, samples);
  const name = paths.length === 1 ? first : `${dirname(first)} (${paths.length} archives)`;
  if (samples.length === 0) throw new SourceError("webdataset", name, "no images");
  const given = options.classes ?? (await classesBeside(first));
  const labels = labelsOf(paths, samples, given);
  const largest = labels.reduce((a, b) => Math.max(a, b), 0);
  const classes = given ?? Array.from({ length: largest + 1 }, (_, i) => String(i));
  const files = new PositionedFiles();
  const at = (i: number): Sample => samples[i] as Sample;
  return {
    name,
    length: samples.length,
    classes,
    key: (i) => `${basename(paths[at(i).file] as string)}: ${at(i).key}`,
    label: (i) => labels[i] as number,
    async read(i) {
      const { file, offset, size } = at(i);
      const bytes = new Uint8Array(size);
      await files.read(paths[file] as string, bytes, offset);
      return bytes;
    },
    close: () => files.close(),
  };
}
