// The part of the parquet reader that runs in a worker thread. hyparquet trusts its input: a corrupt byte can make it
// loop without end, fail far from any caller or allocate any amount of memory, so it runs in a thread that can be
// stopped.
import type { FileMetaData, SchemaTree } from "hyparquet";

/** A column of the schema with its fields. */
export interface ParquetColumn {
  readonly name: string;
  readonly type: string | null;
  readonly children: readonly { readonly name: string; readonly type: string | null }[];
}

/** Facts in a file's metadata. */
export interface ParquetSummary {
  readonly columns: readonly ParquetColumn[];
  readonly groups: readonly { readonly rows: number; readonly bytes: number }[];
  /** Metadata of the hub's tools, JSON text. */
  readonly huggingface: string | null;
}

/** Labels of rows: numbers, names, or null for anything else. */
export type ParquetLabelValues = readonly (number | string | null)[];

/** Bytes of all rows: row i is starts[i]..ends[i]-1, or -1 without bytes. */
export interface ParquetBytes {
  readonly bytes: Uint8Array;
  readonly starts: Float64Array;
  readonly ends: Float64Array;
}

export interface ColumnRequest {
  readonly kind: "labels" | "bytes";
  readonly path: string;
  readonly column: string;
  readonly group: number;
  /** Rows of the group in the file. */
  readonly begin: number;
  readonly end: number;
}

export type ParquetRequest = { readonly kind: "open"; readonly path: string } | ColumnRequest;

/** Everything that the worker's code uses, because only its own text is sent to the thread. */
interface ParquetHost {
  readonly hyparquet: typeof import("hyparquet");
  readonly parquetHeader: typeof import("hyparquet/src/column.js").parquetHeader;
  readonly compressors: typeof import("hyparquet-compressors").compressors;
  readonly fs: Pick<
    typeof import("node:fs"),
    "openSync" | "closeSync" | "statSync" | "fstatSync" | "readSync" | "constants"
  >;
  readonly port: import("node:worker_threads").MessagePort;
  /**
   * Shared by both threads: milliseconds allowed for the current step (0: nothing is parsed), steps started, thread id.
   */
  readonly watch: Int32Array;
  readonly limits: ParquetLimits;
}

/** Limits that hold before anything is allocated, and the time that a step of the parser may take. */
export interface ParquetLimits {
  /** Unpacked bytes that a column of a group may always have ... */
  readonly freeBytes: number;
  /** ... and unpacked bytes allowed per packed byte. */
  readonly ratio: number;
  /** Milliseconds allowed for a step of the parser ... */
  readonly baseMs: number;
  /** ... and bytes per additional millisecond. */
  readonly bytesPerMs: number;
}

interface OpenedFile {
  readonly metadata: FileMetaData;
  readonly size: number;
}

/**
 * Answers requests, one at a time. The class is sent to the thread as its text: it may use only its host and
 * JavaScript's built-ins.
 *
 * Limits    as many rows as the file has bytes; as many values of a page as its group has rows; pages of a column and the
 *           images in them as ParquetLimits say.
 */
export class ParquetServer {
  private readonly host: ParquetHost;
  private readonly opened = new Map<string, OpenedFile>();

  constructor(host: ParquetHost) {
    this.host = host;
    host.port.on("message", (request: ParquetRequest) => void this.serve(request));
  }

  private async serve(request: ParquetRequest): Promise<void> {
    const { port } = this.host;
    try {
      const value = await this.answer(request);
      this.step(0);
      port.postMessage({ value }, "bytes" in value ? [value.bytes.buffer as ArrayBuffer] : []);
    } catch (cause) {
      this.step(0);
      const { code, message } = cause as { code?: unknown; message?: unknown };
      port.postMessage({ fault: String(message ?? cause), code: typeof code === "string" ? code : null });
    }
  }

  private async answer(request: ParquetRequest): Promise<ParquetSummary | ParquetLabelValues | ParquetBytes> {
    if (request.kind === "open") {
      this.opened.delete(request.path); // the file may have changed
      return this.summary(request.path);
    }
    const pieces = await this.column(request);
    return request.kind === "labels" ? this.labels(pieces) : this.bytes(pieces);
  }

  /** Publish the time allowed for the next step; 0 bytes: nothing is parsed now. */
  private step(bytes: number): void {
    const { watch, limits } = this.host;
    Atomics.add(watch, 1, 1);
    const budget = bytes === 0 ? 0 : Math.min(2 ** 30, limits.baseMs + Math.ceil(bytes / limits.bytesPerMs));
    Atomics.store(watch, 0, budget);
  }

  private most(packed: number): number {
    const { freeBytes, ratio } = this.host.limits;
    return Math.max(freeBytes, ratio * packed);
  }

  private whole(value: unknown, what: string): number {
    const number = Number(value);
    if (Number.isSafeInteger(number) && number >= 0) return number;
    throw new Error(`${what} is ${String(value)}`);
  }

  /** Read bytes begin..end-1 of a file. Time of the disk is not counted. */
  private read(path: string, begin: number, end: number): ArrayBuffer {
    const { fs } = this.host;
    this.step(0);
    const fd = fs.openSync(path, fs.constants.O_RDONLY | (fs.constants.O_NONBLOCK ?? 0));
    try {
      const { size } = fs.fstatSync(fd);
      if (!(begin >= 0 && end >= begin && end <= size))
        throw new Error(`expected bytes ${begin}..${end}, got a file of ${size} bytes`);
      const bytes = new Uint8Array(end - begin);
      for (let at = 0; at < bytes.length; ) {
        const count = fs.readSync(fd, bytes, at, Math.min(bytes.length - at, 2 ** 30), begin + at);
        if (count === 0) throw new Error(`expected ${bytes.length - at} more bytes, it ends at byte ${begin + at}`);
        at += count;
      }
      return bytes.buffer;
    } finally {
      fs.closeSync(fd);
      this.step(Math.max(1, end - begin));
    }
  }

  private async open(path: string): Promise<OpenedFile> {
    const known = this.opened.get(path);
    if (known) return known;
    const { fs, hyparquet } = this.host;
    const { size } = fs.statSync(path);
    const slice = async (begin: number, end = size) => this.read(path, begin, end);
    const metadata = await hyparquet.parquetMetadataAsync({ byteLength: size, slice });
    let rows = 0;
    for (const group of metadata.row_groups) rows += this.whole(group.num_rows, "the number of rows of a group");
    if (rows > size) throw new Error(`expected at most as many rows as its ${size} bytes, got ${rows}`);
    this.opened.set(path, { metadata, size });
    return { metadata, size };
  }

  private async summary(path: string): Promise<ParquetSummary> {
    const { metadata } = await this.open(path);
    const typeOf = ({ element }: SchemaTree) => ({ name: String(element.name), type: element.type ?? null });
    const note = metadata.key_value_metadata?.find(({ key }) => key === "huggingface")?.value;
    return {
      columns: this.host.hyparquet
        .parquetSchema(metadata)
        .children.map((column) => ({ ...typeOf(column), children: column.children.map(typeOf) })),
      groups: metadata.row_groups.map((group) => ({
        rows: Number(group.num_rows),
        bytes: this.whole(group.total_byte_size, "the size of a group"),
      })),
      huggingface: typeof note === "string" ? note : null,
    };
  }

  /** Refuse pages that claim more than their bytes can hold; `chunk` is one column of one group. */
  private checkPages(chunk: ArrayBuffer, rows: number): void {
    const reader = { view: new DataView(chunk), offset: 0 };
    const most = this.most(chunk.byteLength);
    let unpacked = 0;
    const upTo = (value: unknown, limit: number, what: string): void => {
      if (this.whole(value ?? 0, what) > limit)
        throw new Error(`${what}: expected at most ${limit}, got ${String(value)}`);
    };
    while (reader.offset < chunk.byteLength - 1) {
      const page = this.host.parquetHeader(reader);
      const packed = page.compressed_page_size;
      upTo(packed, chunk.byteLength - reader.offset, "the size of a page");
      unpacked += this.whole(page.uncompressed_page_size, "the unpacked size of a page");
      upTo(unpacked, most, "the unpacked size of a column's pages");
      const { data_page_header: v1, data_page_header_v2: v2, dictionary_page_header: dictionary } = page;
      for (const count of [v1?.num_values, v2?.num_values, v2?.num_nulls, v2?.num_rows]) {
        upTo(count, rows, "the number of values of a page");
      }
      upTo(
        dictionary?.num_values,
        Math.max(rows, page.uncompressed_page_size),
        "the number of entries of a dictionary",
      );
      upTo(v2?.definition_levels_byte_length, packed, "the length of a page's levels");
      upTo(v2?.repetition_levels_byte_length, packed, "the length of a page's levels");
      reader.offset += packed;
    }
  }

  /** Read the values of one column of one group, in pieces. */
  private async column(request: ColumnRequest): Promise<ArrayLike<unknown>[]> {
    const { path, begin, end, column } = request;
    const { metadata, size } = await this.open(path);
    const group = metadata.row_groups[request.group];
    if (!group || Number(group.num_rows) !== end - begin) throw new Error("the file changed while it was read");
    const held = new Map<number, ArrayBuffer>();
    let total = 0;
    for (const { meta_data: meta } of group.columns) {
      if (meta?.path_in_schema[0] !== column) continue;
      const start = this.whole(meta.dictionary_page_offset || meta.data_page_offset, "where a column begins");
      const length = this.whole(meta.total_compressed_size, "the size of a column");
      const chunk = this.read(path, start, start + length);
      this.checkPages(chunk, end - begin);
      held.set(start, chunk);
      total += length;
    }
    const slice = async (from: number, to = size): Promise<ArrayBuffer> => {
      for (const [start, chunk] of held) {
        if (from === start && to === start + chunk.byteLength) return chunk;
        if (from >= start && to <= start + chunk.byteLength) return chunk.slice(from - start, to - start);
      }
      return this.read(path, from, to);
    };
    const pieces: ArrayLike<unknown>[] = [];
    let next = begin;
    await this.host.hyparquet.parquetRead({
      ...{ file: { byteLength: size, slice }, metadata, compressors: this.host.compressors },
      ...{ columns: [column], rowStart: begin, rowEnd: end, utf8: false },
      onPage: () => this.step(Math.max(1, total)),
      onChunk: ({ columnName, columnData, rowStart }) => {
        if (columnName !== column || rowStart !== next) throw new Error("expected rows in order, got others");
        next += columnData.length;
        pieces.push(columnData);
      },
    });
    if (next !== end)
      throw new Error(`${column}: expected ${end - begin} values, one per row of the group, got ${next - begin}`);
    return pieces;
  }

  private labels(pieces: readonly ArrayLike<unknown>[]): ParquetLabelValues {
    const decoder = new TextDecoder();
    const label = (value: unknown): number | string | null => {
      if (typeof value === "number" || typeof value === "string") return value;
      if (typeof value === "bigint") return Number(value);
      return value instanceof Uint8Array ? decoder.decode(value) : null;
    };
    return pieces.flatMap((piece) => Array.from(piece, label));
  }

  private bytes(pieces: readonly ArrayLike<unknown>[]): ParquetBytes {
    const cells: (Uint8Array | null)[] = [];
    const buffers = new Set<ArrayBufferLike>();
    let total = 0;
    for (const piece of pieces) {
      for (let i = 0; i < piece.length; i++) {
        const cell = piece[i] as { bytes?: unknown } | null | undefined;
        const data = cell instanceof Uint8Array ? cell : cell?.bytes;
        const found = data instanceof Uint8Array ? data : null;
        cells.push(found);
        total += found?.length ?? 0;
        if (found) buffers.add(found.buffer);
      }
    }
    // A dictionary gives one image to many rows: limit the copies by the size of the pages.
    const most = this.most([...buffers].reduce((sum, buffer) => sum + buffer.byteLength, 0));
    if (total > most) throw new Error(`expected at most ${most} bytes of images in a group, got ${total}`);
    const bytes = new Uint8Array(total);
    const starts = new Float64Array(cells.length).fill(-1);
    const ends = new Float64Array(cells.length).fill(-1);
    let at = 0;
    for (const [i, cell] of cells.entries()) {
      if (!cell) continue;
      bytes.set(cell, at);
      starts[i] = at;
      at += cell.length;
      ends[i] = at;
    }
    return { bytes, starts, ends };
  }
}
