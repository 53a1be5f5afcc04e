// A run's directory on disk: atomic writes, and an append-only log of metrics.
import { appendFileSync, existsSync, readdirSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { type FileParts, readSafetensors, type SafetensorsFile } from "../io/index.ts";
import type { RunStore } from "../train/index.ts";
import { cannot, FileError } from "./file_error.ts";
import { openRanges } from "./file_ranges.ts";
import { writeAtomic } from "./files.ts";
import { makeFolder } from "./make_folder.ts";
import { readRegular, readRegularTextSync } from "./regular_file.ts";

/** A log read back. */
export interface LogRows {
  readonly rows: Record<string, unknown>[];
  /** Numbers, from 1, of the lines that are not whole JSON objects and are left out. */
  readonly damaged: readonly number[];
}

export class RunDirectory implements RunStore {
  readonly root: string;
  private readonly check: () => void;

  /** `check`: called before each write; throws when the directory is no longer this process's own. */
  constructor(root: string, check: () => void = () => {}) {
    this.root = root;
    this.check = check;
  }

  path(name: string): string {
    return join(this.root, name);
  }
  exists(name: string): boolean {
    return existsSync(this.path(name));
  }

  private guarded<T>(name: string, verb: string, work: () => T): T {
    try {
      return work();
    } catch (cause) {
      if (cause instanceof FileError) throw cause;
      throw cannot(verb, this.path(name), cause);
    }
  }

  async write(name: string, bytes: Uint8Array | FileParts | string): Promise<void> {
    this.check();
    makeFolder(dirname(this.path(name)));
    await writeAtomic(this.path(name), typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes);
  }
  async read(name: string): Promise<Uint8Array> {
    return readRegular(this.path(name)).catch((cause: unknown) => {
      throw cannot("read", this.path(name), cause);
    });
  }
  writeParts(name: string, parts: FileParts): Promise<void> {
    return this.write(name, parts);
  }
  /** A safetensors file of any size, tensor by tensor. */
  async readTensors(name: string): Promise<SafetensorsFile> {
    const file = await openRanges(this.path(name)).catch((cause: unknown) => {
      throw cannot("read", this.path(name), cause);
    });
    try {
      return await readSafetensors(file);
    } finally {
      await file.close();
    }
  }
  async list(folder: string): Promise<string[]> {
    return existsSync(this.path(folder)) ? readdirSync(this.path(folder)) : [];
  }
  async remove(name: string): Promise<void> {
    this.guarded(name, "remove", () => rmSync(this.path(name), { force: true }));
  }

  /** Bytes of a file. */
  size(name: string): number {
    return this.guarded(name, "read", () => statSync(this.path(name)).size);
  }

  /** Adds a line to a log. A line cut short by a crash is passed over by `readLog`. */
  append(name: string, line: string): void {
    this.check();
    this.guarded(name, "append to", () => appendFileSync(this.path(name), `${line}\n`));
  }
  /** Adds bytes to a file, which is made where there is none. */
  appendBytes(name: string, bytes: Uint8Array): void {
    this.check();
    makeFolder(dirname(this.path(name)));
    this.guarded(name, "append to", () => appendFileSync(this.path(name), bytes));
  }

  /** The JSON objects of a log, one a line. A line that is not one costs itself only, and is counted. */
  readLog(name: string): LogRows {
    const rows: Record<string, unknown>[] = [];
    const damaged: number[] = [];
    if (!this.exists(name)) return { rows, damaged };
    const text = this.guarded(name, "read", () => readRegularTextSync(this.path(name)));
    const lines = text.split("\n");
    for (const [i, line] of lines.entries()) {
      if (line.trim() === "") continue;
      const row = parseObject(line);
      if (row) rows.push(row);
      // A last line without its end is the tail of a crash.
      else if (i < lines.length - 1) damaged.push(i + 1);
    }
    return { rows, damaged };
  }

  /** The JSON object in a file; null where there is no file, or where it holds something else, of which `onDamaged` hears. */
  readObject(name: string, onDamaged: (problem: string) => void = () => {}): Record<string, unknown> | null {
    if (!this.exists(name)) return null;
    const value = parseObject(this.guarded(name, "read", () => readRegularTextSync(this.path(name))));
    if (value === null) onDamaged(`${this.path(name)}: is damaged: expected a JSON object`);
    return value;
  }

  /** The rows of `readLog`. */
  lines(name: string): Record<string, unknown>[] {
    return this.readLog(name).rows;
  }
}

function parseObject(line: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}
