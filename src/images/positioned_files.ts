// Reads pieces of files at known offsets with few files open: a data set may have more shards than a process may open
// files.
import type { FileHandle } from "node:fs/promises";
import { SourceError } from "../data/index.ts";
import { NotRegularError, openRegular } from "../node/regular_file.ts";

interface Opened {
  readonly handle: Promise<FileHandle>;
  users: number;
}

function reason(cause: unknown): string {
  if (cause instanceof NotRegularError) return cause.message;
  return (cause as NodeJS.ErrnoException).code ?? String(cause);
}

/** Files with random access; those used most stay open. */
export class PositionedFiles {
  private readonly most: number;
  /** Open files by path, the one used longest ago first. */
  private readonly open = new Map<string, Opened>();

  /** @param most Files that stay open while nothing is read. */
  constructor(most = 64) {
    this.most = most;
  }

  /**
   * Fill `into` with the bytes of a file from `position` on.
   *
   * Errors    SourceError naming the file: it cannot be opened, is no regular file, or is too short.
   */
  async read(path: string, into: Uint8Array, position: number): Promise<void> {
    const file = this.take(path);
    try {
      const handle = await file.handle;
      for (let at = 0; at < into.length; ) {
        const { bytesRead } = await handle.read(into, at, Math.min(into.length - at, 2 ** 30), position + at);
        if (bytesRead === 0) {
          const message = `truncated: expected ${into.length - at} more bytes, it ends at byte ${position + at}`;
          throw new SourceError("files", path, message);
        }
        at += bytesRead;
      }
    } catch (cause) {
      if (cause instanceof SourceError) throw cause;
      file.handle.catch(() => this.open.delete(path)); // so that it is tried again
      throw new SourceError("files", path, reason(cause));
    } finally {
      file.users--;
      this.trim();
    }
  }

  /** Return the size of a file in bytes. Errors: SourceError naming it. */
  async size(path: string): Promise<number> {
    const file = this.take(path);
    try {
      return (await (await file.handle).stat()).size;
    } catch (cause) {
      file.handle.catch(() => this.open.delete(path)); // so that it is tried again
      throw new SourceError("files", path, reason(cause));
    } finally {
      file.users--;
      this.trim();
    }
  }

  /** Count of open files. */
  get count(): number {
    return this.open.size;
  }

  async close(): Promise<void> {
    const files = [...this.open.values()];
    this.open.clear();
    await Promise.allSettled(files.map(async ({ handle }) => (await handle).close()));
  }

  private take(path: string): Opened {
    const file = this.open.get(path) ?? { handle: openRegular(path), users: 0 };
    this.open.delete(path);
    this.open.set(path, file);
    file.users++;
    return file;
  }

  private trim(): void {
    for (const [path, file] of this.open) {
      if (this.open.size <= this.most) return;
      if (file.users > 0) continue;
      this.open.delete(path);
      void file.handle.then((handle) => handle.close()).catch(() => {});
    }
  }
}
