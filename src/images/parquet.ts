// Parquet files in the format of the Hugging Face hub: a column `image` of encoded bytes, a column `label`.
import { basename, dirname } from "node:path";
import { expectKnown, labelRefusal, numbersFor } from "../data/class_names.ts";
import { MAX_CLASSES } from "../data/dataset.ts";
import { DataError, SourceError } from "../data/index.ts";
import { expectKeys, type KeysOf } from "../text/index.ts";
import { type EncodedSource, LARGEST_FILE } from "./encoded_source.ts";
import { groupAt } from "./order.ts";
import { ParquetReader } from "./parquet_reader.ts";
import type { ParquetBytes, ParquetColumn } from "./parquet_worker.ts";

/** Options of `openParquet`. */
export interface ParquetOptions {
  /** Column of the images. Default: image, or else img. */
  readonly imageColumn?: string;
  /** Column of the labels. Default: label, or else fine_label, labels. */
  readonly labelColumn?: string;
  /**
   * Classes of the labels. Default: those named by the first file's metadata, else the names in the column sorted by
   * character codes, or numbers up to the largest label. Files with names are matched by name.
   */
  readonly classes?: readonly string[] | undefined;
}

export const PARQUET_KEYS: KeysOf<ParquetOptions> = { imageColumn: true, labelColumn: true, classes: true };

/** Limit of the encoded bytes of row groups in memory: half for the current groups, half for the next ones. */
const HELD_BYTES = 2 ** 29;
/** Most groups mixed: more mix no better. */
const MOST_GROUPS = 16;

interface Group {
  readonly file: number;
  /** Index in its file. */
  readonly group: number;
  /** Rows of its file. */
  readonly begin: number;
  readonly end: number;
  readonly bytes: number;
}

interface Columns {
  readonly image: string;
  readonly label: string;
}

/** Types of labels: integers, or names of classes. */
const labelTypes = new Set(["INT32", "INT64", "BYTE_ARRAY"]);

function describe({ name, type, children }: ParquetColumn): string {
  return children.length > 0 ? `${name}{${children.map((c) => c.name).join(", ")}}` : `${name} ${type}`;
}

/** Find the columns to use. The error lists the expected columns and those of the file. */
function findColumns(path: string, columns: readonly ParquetColumn[], options: ParquetOptions): Columns {
  const images = options.imageColumn === undefined ? ["image", "img"] : [options.imageColumn];
  const labels = options.labelColumn === undefined ? ["label", "fine_label", "labels"] : [options.labelColumn];
  const named = (names: readonly string[], fits: (column: ParquetColumn) => boolean) =>
    names.map((n) => columns.find((c) => c.name === n)).find((c) => c !== undefined && fits(c));
  const bytes = (column: { readonly type: string | null }) => column.type === "BYTE_ARRAY";
  const image = named(images, (c) => bytes(c) || c.children.some((child) => child.name === "bytes" && bytes(child)));
  const label = named(labels, (c) => labelTypes.has(c.type ?? ""));
  if (!image || !label) {
    const expected = `${images.join(" or ")}{bytes, path} and ${labels.join(" or ")} of integers or names`;
    const found = columns.map(describe).join("; ") || "none";
    throw new SourceError("parquet", path, `expected the columns ${expected}, got ${found}`);
  }
  return { image: image.name, label: label.name };
}

/** Return the class names in the metadata of the hub's tools, or null. */
function namesOf(text: string | null, column: string): string[] | null {
  if (!text) return null;
  try {
    const info = JSON.parse(text) as { info?: { features?: Record<string, { names?: unknown }> } };
    const names: unknown = info.info?.features?.[column]?.names;
    return Array.isArray(names) && names.length > 0 && names.every((n) => typeof n === "string") ? names : null;
  } catch {
    return null; // class names are optional: corrupt metadata does not make the images unreadable
  }
}

/** Label column of all files, read group by group. */
class ParquetLabels {
  private readonly numbers: number[] = [];
  /** Labels of the rows, if they are names. */
  private readonly words: string[] = [];
  private names: readonly string[] | null;
  /** Class numbers of the current file's own numbers. */
  private map: Int32Array | null = null;
  private path = "";
  private own: readonly string[] | null = null;

  constructor(known: readonly string[] | null) {
    this.names = known;
  }

  get length(): number {
    return this.numbers.length + this.words.length;
  }

  get classes(): readonly string[] {
    if (this.names) return this.names;
    const largest = this.numbers.reduce((a, b) => Math.max(a, b), 0);
    return Array.from({ length: largest + 1 }, (_, i) => String(i));
  }

  at(i: number): number {
    return this.numbers[i]!;
  }

  /** Start a file. `names`: the file's names of its numbers. */
  beginFile(path: string, names: readonly string[] | null): void {
    this.path = path;
    this.own = names;
    this.map = names && this.names ? expectKnown((name) => `${path}: ${name}`, names, this.names) : null;
    // Names before this file have no numbers yet: `finish` sorts them.
    if (this.words.length === 0) this.names ??= names;
  }

  add(values: readonly unknown[], row: number): void {
    for (const [i, value] of values.entries()) {
      if (typeof value === "string") this.addWord(value);
      else this.addNumber(value, row + i);
    }
  }

  private addWord(value: string): void {
    if (this.numbers.length > 0)
      throw new SourceError("parquet", this.path, "expected numbers as labels, as in the files before, got names");
    this.words.push(value);
  }

  private addNumber(value: unknown, row: number): void {
    const most = this.map?.length ?? this.names?.length ?? MAX_CLASSES;
    if (typeof value !== "number" || !Number.isInteger(value) || value < 0 || value >= most)
      throw new SourceError("parquet", this.path, `row ${row}: ${this.refusal(value)}`);
    if (this.words.length > 0)
      throw new SourceError("parquet", this.path, "expected names as labels, as in the files before, got numbers");
    this.numbers.push(this.map ? this.map[value]! : value);
  }

  /** Describe a wrong label, with the file's names if it has any. */
  private refusal(value: unknown): string {
    return labelRefusal(value, this.own ?? this.names, MAX_CLASSES);
  }

  /** Number the names, by the known classes or in the order of their character codes. */
  finish(): void {
    if (this.words.length === 0) return;
    const own = [...new Set(this.words)].sort();
    this.names ??= own;
    const map = expectKnown((name) => `${this.path}: ${name}`, own, this.names);
    const numbers = new Map(own.map((name, i) => [name, map[i]!]));
    for (const word of this.words) this.numbers.push(numbers.get(word)!);
    this.words.length = 0;
  }
}

/** Cache of the row groups used last; each is read once for all requests. */
class HeldGroups {
  private readonly held = new Map<number, Promise<ParquetBytes>>();
  private readonly most: number;
  private readonly read: (group: number) => Promise<ParquetBytes>;

  constructor(most: number, read: (group: number) => Promise<ParquetBytes>) {
    this.most = most;
    this.read = read;
  }

  get(group: number): Promise<ParquetBytes> {
    const rows = this.held.get(group) ?? this.read(group);
    this.held.delete(group);
    this.held.set(group, rows);
    rows.catch(() => this.held.delete(group));
    for (const old of this.held.keys()) {
      if (this.held.size <= this.most) break;
      this.held.delete(old);
    }
    return rows;
  }

  clear(): void {
    this.held.clear();
  }
}

/** Labels and row groups of all files. */
interface ParquetIndex {
  readonly columns: Columns;
  readonly groups: readonly Group[];
  /** First image of each group. */
  readonly starts: Uint32Array;
  readonly labels: ParquetLabels;
  /** The first file that gives its label numbers no names. */
  readonly nameless: string | undefined;
}

async function readIndex(
  reader: ParquetReader,
  paths: readonly string[],
  options: ParquetOptions,
): Promise<ParquetIndex> {
  const groups: Group[] = [];
  const labels = new ParquetLabels(options.classes ?? null);
  const starts: number[] = [];
  let columns: Columns | null = null;
  let nameless: string | undefined;
  for (const [file, path] of paths.entries()) {
    const summary = await reader.open(path);
    columns = findColumns(path, summary.columns, columns ? { ...options, ...pick(columns) } : options);
    const { label: column } = columns;
    const names = namesOf(summary.huggingface, column);
    labels.beginFile(path, names);
    const isText = summary.columns.some(({ name, type }) => name === column && type === "BYTE_ARRAY");
    if (names === null && !isText) nameless ??= path;
    let begin = 0;
    for (const [group, { rows, bytes }] of summary.groups.entries()) {
      const end = begin + rows;
      starts.push(labels.length);
      groups.push({ file, group, begin, end, bytes });
      labels.add(await reader.labels({ path, column, group, begin, end }), begin);
      begin = end;
    }
  }
  if (columns === null || labels.length === 0) throw new SourceError("parquet", paths[0]!, "no rows");
  labels.finish();
  return { columns, groups, starts: Uint32Array.from(starts), labels, nameless };
}

/**
 * Open parquet files as a source of images, in the order of their rows.
 *
 * `image` is {bytes, path} or bytes alone, `label` integers or names; names of numbers come from the hub's metadata. Images
 * are read by row groups: training shuffles the groups, and the images among the groups in memory. If groups are so large
 * that only a few fit, packing into shards first gives a better mix and needs no parsing.
 *
 * A worker thread parses the files. It is stopped if it does not finish: see ParquetReader.
 *
 * Memory    twice as many row groups as are mixed: half a gigabyte of them, but at least two.
 * Errors    SourceError naming file and row: not parquet, missing columns (with those expected and found), labels that are
 *           missing or not below the class count, rows without bytes.
 */
export async function openParquet(paths: readonly string[], options: ParquetOptions = {}): Promise<EncodedSource> {
  expectKeys(options, PARQUET_KEYS, (problem) => new DataError(`openParquet: ${problem}`));
  if (paths.length === 0) throw new SourceError("parquet", "*.parquet", "expected at least one file, got none");
  const reader = new ParquetReader();
  try {
    return parquetSource(reader, paths, await readIndex(reader, paths, options), options);
  } catch (cause) {
    await reader.close();
    throw cause;
  }
}

function parquetSource(
  reader: ParquetReader,
  paths: readonly string[],
  { columns, groups, starts, labels, nameless }: ParquetIndex,
  options: ParquetOptions,
): EncodedSource {
  const largestGroup = groups.reduce((most, { bytes }) => Math.max(most, bytes), 1);
  const together = Math.min(MOST_GROUPS, Math.max(1, Math.floor(HELD_BYTES / 2 / largestGroup)));
  const held = new HeldGroups(2 * together, (g) => {
    const { file, ...rows } = groups[g]!;
    return reader.bytes({ path: paths[file]!, column: columns.image, ...rows });
  });
  const locate = (i: number) => {
    const g = groupAt(starts, i);
    const { file, begin } = groups[g]!;
    const inGroup = i - starts[g]!;
    return { g, inGroup, path: paths[file]!, row: begin + inGroup };
  };
  const [first] = paths;
  return {
    name: paths.length === 1 ? first! : `${dirname(first!)} (${paths.length} parquet files)`,
    length: labels.length,
    classes: labels.classes,
    key: (i) => `${basename(locate(i).path)} row ${locate(i).row}`,
    label: (i) => labels.at(i),
    groups: { starts, together },
    notes: nameless === undefined ? [] : numbersFor(basename(nameless), options.classes),
    marks: groups.map(({ begin, end, bytes }) => `rows ${begin}..${end}, ${bytes} bytes`),
    async read(i) {
      const { g, inGroup, path, row } = locate(i);
      const { bytes, starts: begins, ends } = await held.get(g);
      const [begin, end] = [begins[inGroup]!, ends[inGroup]!];
      if (begin < 0) {
        const problem = `row ${row}: ${columns.image} has no bytes (a path alone opens no file)`;
        throw new SourceError("parquet", path, problem);
      }
      if (end - begin > LARGEST_FILE) {
        const message = `row ${row}: expected an image of at most ${LARGEST_FILE} bytes, got ${end - begin}`;
        throw new SourceError("parquet", path, message);
      }
      return bytes.subarray(begin, end);
    },
    async close() {
      held.clear();
      await reader.close();
    },
  };
}

const pick = ({ image, label }: Columns): ParquetOptions => ({ imageColumn: image, labelColumn: label });
