// Parquet files as the Hugging Face hub serves image data sets: a column `image` of encoded bytes, a column `label`.
import { basename, dirname } from "node:path";
import type { AsyncBuffer, FileMetaData, SchemaTree } from "hyparquet";
import { expectKnown } from "../../data/class_names.ts";
import { SourceError } from "../../data/index.ts";
import type { EncodedSource } from "./encoded_source.ts";
import { PositionedFiles } from "./positioned_files.ts";

export interface ParquetOptions {
  /** Column of the images. Default: image, or else img. */
  readonly imageColumn?: string;
  /** Column of the labels. Default: label, or else fine_label, labels. */
  readonly labelColumn?: string;
  /**
   * The classes that labels must be of. Default: those that the first file's metadata names, else the words in the column in
   * the order of their characters' codes, or numbers up to the largest label. Files with names are matched by name.
   */
  readonly classes?: readonly string[];
}

/** Encoded bytes of row groups that may be held at a time: half while they are used, half while the next ones come. */
const HELD_BYTES = 2 ** 29;
/** More groups than this mix no better. */
const MOST_GROUPS = 16;

interface Group {
  readonly file: number;
  /** Rows of its file. */
  readonly begin: number;
  readonly end: number;
  readonly bytes: number;
}

interface Columns {
  readonly image: string;
  readonly label: string;
  /** The images are a column of bytes, not of {bytes, path}. */
  readonly plain: boolean;
}

/** Labels are whole numbers, or the names of the classes. */
const labelTypes = new Set(["INT32", "INT64", "BYTE_ARRAY"]);

function describe(column: SchemaTree): string {
  const { name, type } = column.element;
  return column.children.length > 0
    ? `${name}{${column.children.map((c) => c.element.name).join(", ")}}`
    : `${name} ${type}`;
}

/** The columns in use, or an error with those that were wanted and those that are there. */
function findColumns(path: string, tree: SchemaTree, options: ParquetOptions): Columns {
  const images = options.imageColumn === undefined ? ["image", "img"] : [options.imageColumn];
  const labels = options.labelColumn === undefined ? ["label", "fine_label", "labels"] : [options.labelColumn];
  const named = (names: readonly string[], fits: (column: SchemaTree) => boolean) =>
    names.map((n) => tree.children.find((c) => c.element.name === n)).find((c) => c !== undefined && fits(c));
  const bytes = (column: SchemaTree) => column.element.type === "BYTE_ARRAY";
  const image = named(
    images,
    (c) => bytes(c) || c.children.some((child) => child.element.name === "bytes" && bytes(child)),
  );
  const label = named(labels, (c) => labelTypes.has(c.element.type ?? ""));
  if (!image || !label) {
    const wanted = `${images.join(" or ")}{bytes, path} and ${labels.join(" or ")} of whole numbers or names`;
    const found = tree.children.map(describe).join("; ") || "none";
    throw new SourceError("parquet", path, `wanted the columns ${wanted}; found ${found}`);
  }
  return { image: image.element.name, label: label.element.name, plain: bytes(image) };
}

/** Class names from the metadata that the hub's tools write, or null. */
function namesOf(metadata: FileMetaData, column: string): string[] | null {
  const text = metadata.key_value_metadata?.find(({ key }) => key === "huggingface")?.value;
  if (!text) return null;
  try {
    const info = JSON.parse(text) as { info?: { features?: Record<string, { names?: unknown }> } };
    const names: unknown = info.info?.features?.[column]?.names;
    return Array.isArray(names) && names.length > 0 && names.every((n) => typeof n === "string") ? names : null;
  } catch {
    return null; // class names are a courtesy: a damaged note does not make the images unreadable
  }
}

/** The label column of all files, read group by group. */
class ParquetLabels {
  readonly #numbers: number[] = [];
  /** Where the column has words: those of the rows. */
  readonly #words: string[] = [];
  #names: readonly string[] | null;
  /** Of the file that is read: its own numbers as those of the classes. */
  #map: Int32Array | null = null;
  #path = "";

  constructor(known: readonly string[] | null) {
    this.#names = known;
  }

  get length(): number {
    return this.#numbers.length + this.#words.length;
  }

  get classes(): readonly string[] {
    if (this.#names) return this.#names;
    const largest = this.#numbers.reduce((a, b) => Math.max(a, b), 0);
    return Array.from({ length: largest + 1 }, (_, i) => String(i));
  }

  at(i: number): number {
    return this.#numbers[i] as number;
  }

  /** `names`: those that the file gives its own numbers. */
  beginFile(path: string, names: readonly string[] | null): void {
    this.#path = path;
    this.#map = names && this.#names ? expectKnown((name) => `${path}: ${name}`, names, this.#names) : null;
    // Words before this file were numbered by nothing: they are sorted at the end.
    if (this.#words.length === 0) this.#names ??= names;
  }

  add(values: readonly unknown[], row: number): void {
    for (const [i, value] of values.entries()) {
      if (value instanceof Uint8Array || typeof value === "string") this.#addWord(value);
      else this.#addNumber(value, row + i);
    }
  }

  #addWord(value: Uint8Array | string): void {
    if (this.#numbers.length > 0)
      throw new SourceError("parquet", this.#path, "labels are names, in other files numbers");
    this.#words.push(typeof value === "string" ? value : new TextDecoder().decode(value));
  }

  #addNumber(value: unknown, row: number): void {
    const number = typeof value === "bigint" ? Number(value) : value;
    const most = this.#map?.length ?? this.#names?.length ?? 65536;
    if (typeof number !== "number" || !Number.isInteger(number) || number < 0 || number >= most) {
      throw new SourceError("parquet", this.#path, `row ${row}: label ${number} is none of the ${most} classes`);
    }
    if (this.#words.length > 0)
      throw new SourceError("parquet", this.#path, "labels are numbers, in other files names");
    this.#numbers.push(this.#map ? (this.#map[number] as number) : number);
  }

  /** Numbers the words, by the known classes or in the order of their characters' codes. */
  finish(): void {
    if (this.#words.length === 0) return;
    const own = [...new Set(this.#words)].sort();
    this.#names ??= own;
    const map = expectKnown((name) => `${this.#path}: ${name}`, own, this.#names);
    const places = new Map(own.map((name, i) => [name, map[i] as number]));
    for (const word of this.#words) this.#numbers.push(places.get(word) as number);
    this.#words.length = 0;
  }
}

/** One file's pieces for the parser. */
async function bufferOf(files: PositionedFiles, path: string): Promise<AsyncBuffer> {
  const byteLength = await files.size(path);
  return {
    byteLength,
    async slice(begin, end = byteLength) {
      const bytes = new Uint8Array(end - begin);
      await files.read(path, bytes, begin);
      return bytes.buffer;
    },
  };
}

/** Row groups in memory, the ones used last; each is read once however many ask. */
class HeldGroups {
  readonly #held = new Map<number, Promise<readonly unknown[]>>();
  readonly #most: number;
  readonly #read: (group: number) => Promise<readonly unknown[]>;

  constructor(most: number, read: (group: number) => Promise<readonly unknown[]>) {
    this.#most = most;
    this.#read = read;
  }

  get(group: number): Promise<readonly unknown[]> {
    const rows = this.#held.get(group) ?? this.#read(group);
    this.#held.delete(group);
    this.#held.set(group, rows);
    rows.catch(() => this.#held.delete(group));
    for (const old of this.#held.keys()) {
      if (this.#held.size <= this.#most) break;
      this.#held.delete(old);
    }
    return rows;
  }

  clear(): void {
    this.#held.clear();
  }
}

/**
 * The rows of parquet files, in the order in which they lie.
 *
 * `image` is {bytes, path} or bytes alone, `label` whole numbers or names; names of numbers come from the hub's metadata. Images are
 * read by row groups: training shuffles the groups, and the images among those held at a time. Where groups are so large
 * that only a few fit, packing into shards first gives a better mix and no parsing.
 *
 * Memory    two times as many row groups as are mixed: half a gigabyte of them, but never fewer than two.
 * Errors    SourceError naming file and row: not parquet, columns that are not there (with those wanted and found), labels
 *           that are missing or beyond the classes, rows without bytes.
 */
export async function openParquet(paths: readonly string[], options: ParquetOptions = {}): Promise<EncodedSource> {
  const [first] = paths;
  if (first === undefined) throw new SourceError("parquet", "*.parquet", "wanted at least one file");
  const { parquetMetadataAsync, parquetReadObjects, parquetSchema } = await import("hyparquet");
  const { compressors } = await import("hyparquet-compressors");
  const files = new PositionedFiles();
  const buffers: AsyncBuffer[] = [];
  const metadata: FileMetaData[] = [];
  const groups: Group[] = [];
  const labels = new ParquetLabels(options.classes ?? null);
  const starts: number[] = [];
  let columns: Columns | null = null;
  const parsed = async <T>(path: string, act: () => Promise<T>): Promise<T> => {
    try {
      return await act();
    } catch (cause) {
      if (cause instanceof SourceError) throw cause;
      throw new SourceError("parquet", path, `not a whole parquet file: ${(cause as Error).message}`);
    }
  };
  const readColumn = (file: number, column: string, rowStart: number, rowEnd: number): Promise<unknown[]> =>
    parsed(paths[file] as string, async () => {
      const from = { file: buffers[file] as AsyncBuffer, metadata: metadata[file] as FileMetaData };
      const rows = await parquetReadObjects({ ...from, columns: [column], rowStart, rowEnd, utf8: false, compressors });
      return rows.map((row) => row[column] as unknown);
    });
  try {
    for (const [file, path] of paths.entries()) {
      const buffer = await bufferOf(files, path);
      const meta = await parsed(path, () => parquetMetadataAsync(buffer));
      buffers.push(buffer);
      metadata.push(meta);
      columns = findColumns(path, parquetSchema(meta), columns ? { ...options, ...pick(columns) } : options);
      labels.beginFile(path, namesOf(meta, columns.label));
      let begin = 0;
      for (const group of meta.row_groups) {
        const end = begin + Number(group.num_rows);
        starts.push(labels.length);
        groups.push({ file, begin, end, bytes: Number(group.total_byte_size) });
        const values = await readColumn(file, columns.label, begin, end);
        if (values.length !== end - begin) {
          throw new SourceError("parquet", path, `a row group of ${end - begin} rows has ${values.length} labels`);
        }
        labels.add(values, begin);
        begin = end;
      }
    }
    if (labels.length === 0) throw new SourceError("parquet", first, "no rows");
    labels.finish();
  } catch (cause) {
    await files.close();
    throw cause;
  }
  const { image, plain } = columns as Columns;
  const largestGroup = groups.reduce((most, { bytes }) => Math.max(most, bytes), 1);
  const together = Math.min(MOST_GROUPS, Math.max(1, Math.floor(HELD_BYTES / 2 / largestGroup)));
  const held = new HeldGroups(2 * together, (g) => {
    const { file, begin, end } = groups[g] as Group;
    return readColumn(file, image, begin, end);
  });
  const groupStarts = Uint32Array.from(starts);
  const place = (i: number) => {
    const g = groupAt(groupStarts, i);
    const { file, begin } = groups[g] as Group;
    return {
      g,
      inGroup: i - (groupStarts[g] as number),
      path: paths[file] as string,
      row: begin + i - (groupStarts[g] as number),
    };
  };
  const name = paths.length === 1 ? first : `${dirname(first)} (${paths.length} parquet files)`;
  return {
    name,
    length: labels.length,
    classes: labels.classes,
    key: (i) => `${basename(place(i).path)} row ${place(i).row}`,
    label: (i) => labels.at(i),
    groups: { starts: groupStarts, together },
    marks: groups.map(({ begin, end, bytes }) => `rows ${begin}..${end}, ${bytes} bytes`),
    async read(i) {
      const { g, inGroup, path, row } = place(i);
      const cell = (await held.get(g))[inGroup];
      const bytes = plain ? cell : (cell as { bytes?: unknown } | null)?.bytes;
      if (bytes instanceof Uint8Array) return bytes;
      throw new SourceError("parquet", path, `row ${row}: ${image} has no bytes (a path alone opens no file)`);
    },
    async close() {
      held.clear();
      await files.close();
    },
  };
}

const pick = ({ image, label }: Columns): ParquetOptions => ({ imageColumn: image, labelColumn: label });

/** The group that image i lies in. */
function groupAt(starts: Uint32Array, i: number): number {
  let [low, high] = [0, starts.length - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((starts[middle] as number) <= i) low = middle;
    else high = middle - 1;
  }
  return low;
}
