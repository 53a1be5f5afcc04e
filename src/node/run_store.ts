// A run's directory on disk: atomic writes, and an append-only log of metrics.
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import type { RunStore } from "../train/index.ts";
import { FileError, writeAtomic } from "./files.ts";

export class RunDirectory implements RunStore {
  readonly root: string;

  constructor(root: string) {
    this.root = root;
  }

  path(name: string): string {
    return join(this.root, name);
  }
  exists(name: string): boolean {
    return existsSync(this.path(name));
  }
  isEmpty(): boolean {
    return !existsSync(this.root) || readdirSync(this.root).length === 0;
  }

  private guarded<T>(name: string, verb: string, work: () => T): T {
    try {
      return work();
    } catch (cause) {
      if (cause instanceof FileError) throw cause;
      throw new FileError(`${this.path(name)}: cannot ${verb}: ${(cause as Error).message}`);
    }
  }

  async write(name: string, bytes: Uint8Array | string): Promise<void> {
    this.guarded(name, "create its folder", () => mkdirSync(dirname(this.path(name)), { recursive: true }));
    await writeAtomic(this.path(name), typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes);
  }
  async read(name: string): Promise<Uint8Array> {
    return this.guarded(name, "read", () => new Uint8Array(readFileSync(this.path(name))));
  }
  async list(folder: string): Promise<string[]> {
    return existsSync(this.path(folder)) ? readdirSync(this.path(folder)) : [];
  }
  async remove(name: string): Promise<void> {
    this.guarded(name, "remove", () => rmSync(this.path(name), { force: true }));
  }

  /** Adds a line to a log. A line cut short by a crash is dropped by `lines`. */
  append(name: string, line: string): void {
    this.guarded(name, "append", () => appendFileSync(this.path(name), `${line}\n`));
  }
  /** Adds bytes to a file, which is made where there is none. */
  appendBytes(name: string, bytes: Uint8Array): void {
    this.guarded(name, "append", () => {
      mkdirSync(dirname(this.path(name)), { recursive: true });
      appendFileSync(this.path(name), bytes);
    });
  }
  /** The whole lines of a log as JSON objects. */
  lines(name: string): Record<string, unknown>[] {
    if (!this.exists(name)) return [];
    const out: Record<string, unknown>[] = [];
    for (const line of readFileSync(this.path(name), "utf8").split("\n")) {
      if (line.trim() === "") continue;
      try {
        out.push(JSON.parse(line) as Record<string, unknown>);
      } catch {
        break; // the tail of a crash
      }
    }
    return out;
  }
}
