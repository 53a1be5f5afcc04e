// The run directory on disk: atomic writes, and an append-only log of metrics.

import { appendFileSync, existsSync, readdirSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { type FileParts, readSafetensors, type SafetensorsFile } from "../io/index.ts";
import { isRecord } from "../text/index.ts";
import type { RunStore } from "../train/index.ts";
import { cannot, FileError } from "./file_error.ts";
import { openFileRanges } from "./file_ranges.ts";
import { writeAtomic } from "./files.ts";
import { makeFolder } from "./make_folder.ts";
import { readRegular, readRegularTextSync } from "./regular_file.ts";

/** Rows of a log. */
export interface LogRows {
  readonly rows: Record<string, unknown>[];
  /** Numbers, from 1, of the lines that are no complete JSON objects and are left out. */
  readonly damaged: readonly number[];
}

export class RunDirectory implements RunStore {
  readonly root: string;
  private readonly check: () => void;

  /** @param check Called before each write; throws if the directory no longer belongs to this process. */
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
  /** Read a safetensors file of any size, tensor by tensor. */
  async readTensors(name: string): Promise<SafetensorsFile> {
    const file = await openFileRanges(this.path(name)).catch((cause: unknown) => {
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

  /** Return the bytes of a file. */
  size(name: string): number {
    return this.guarded(name, "read", () => statSync(this.path(name)).size);
  }

  /** Append a line to a log. `readLog` skips a line that a crash cut short. */
  append(name: string, line: string): void {
    this.check();
    this.guarded(name, "append to", () => appendFileSync(this.path(name), `${line}\n`));
  }
  /** Append bytes to a file, which is created if needed. */
  appendBytes(name: string, bytes: Uint8Array): void {
    this.check();
    makeFolder(dirname(this.path(name)));
    this.guarded(name, "append to", () => appendFileSync(this.path(name), bytes));
  }

  /** Read the JSON objects of a log, one per line. Other lines are skipped and counted. */
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
      // A last line without an end is left by a crash.
      else if (i < lines.length - 1) damaged.push(i + 1);
    }
    return { rows, damaged };
  }

  /**
   * Read the JSON object in a file; null if there is no file, or if it holds something else, which `onDamaged` reports.
   */
  readObject(name: string, onDamaged: (problem: string) => void = () => {}): Record<string, unknown> | null {
    if (!this.exists(name)) return null;
    const value = parseObject(this.guarded(name, "read", () => readRegularTextSync(this.path(name))));
    if (value === null) onDamaged(`${this.path(name)}: corrupt: expected a JSON object`);
    return value;
  }

  /** Return the rows of `readLog`. */
  lines(name: string): Record<string, unknown>[] {
    return this.readLog(name).rows;
  }
}

function parseObject(line: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(line);
    return isRecord(value) ? value : null;
  } catch {
    return null;
  }
}
