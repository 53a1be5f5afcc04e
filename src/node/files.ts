// Files of this machine: a ByteSource over folders for reading, and atomic writes.

import { type FileHandle, open, readdir, rename, stat, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { type ByteSource, checkFolder, checkPath, SourceError } from "../data/index.ts";
import type { FileParts } from "../io/index.ts";
import { cannot, codeOf, FileError, reason } from "./file_error.ts";
import { readRegular } from "./regular_file.ts";

/**
 * Make a source of the files below a folder, or of one file (then its name is the only path).
 *
 * Paths are relative with forward slashes and cannot leave the folder. Errors: SourceError naming folder, path, reason.
 */
export function fileSource(folderOrFile: string): ByteSource {
  if (typeof folderOrFile !== "string" || folderOrFile === "")
    throw new SourceError("fileSource", JSON.stringify(folderOrFile), "expected the path of a folder or a file");
  const locate = async (path: string): Promise<string | null> => {
    checkPath(folderOrFile, path);
    const base = await stat(folderOrFile).catch(() => null);
    if (!base) return null;
    if (!base.isDirectory()) return path === basename(folderOrFile) ? folderOrFile : null;
    const full = join(folderOrFile, path);
    return (await stat(full).catch(() => null))?.isFile() ? full : null;
  };
  return {
    name: folderOrFile,
    async read(path) {
      const full = await locate(path);
      if (full === null) throw new SourceError(folderOrFile, path, "no such file");
      try {
        return await readRegular(full);
      } catch (cause) {
        throw new SourceError(folderOrFile, path, reason(cause));
      }
    },
    async exists(path) {
      return (await locate(path)) !== null;
    },
    async list(path) {
      checkFolder(folderOrFile, path);
      const base = await stat(folderOrFile).catch(() => null);
      if (base && !base.isDirectory() && path === "") return [basename(folderOrFile)];
      try {
        return (await readdir(join(folderOrFile, path))).sort();
      } catch (cause) {
        throw new SourceError(folderOrFile, path || ".", codeOf(cause) === "ENOENT" ? "no such folder" : reason(cause));
      }
    },
  };
}

/** System calls of `writeAtomic`; a test replaces them to simulate a full disk. */
export interface WriteCalls {
  readonly open: (path: string, flags: string) => Promise<Pick<FileHandle, "sync" | "close"> & { write: WriteAt }>;
  readonly rename: (from: string, to: string) => Promise<void>;
  readonly unlink: (path: string) => Promise<void>;
}
/** Write up to `length` bytes from `offset`; return how many were written. */
type WriteAt = (bytes: Uint8Array, offset: number, length: number) => Promise<{ bytesWritten: number }>;

/** Two writes of one path at a time must not share a temporary file. */
let serial = 0;

const realCalls: WriteCalls = { open, rename, unlink };

/**
 * Write a file atomically: a reader, a crash or a full disk leaves the old bytes or the new ones, never a part.
 *
 * The bytes go to `path.tmp.<pid>.<n>`, are flushed, and get the name by a rename; then the folder is flushed. Parts
 * are written one after the other: together they may exceed one array. On a full disk the first write returns short
 * without an error and only the next one fails, so it loops. Errors: FileError naming the path; the temporary file is
 * removed and the old file unchanged.
 */
export function writeAtomic(path: string, bytes: Uint8Array | FileParts): Promise<void>;
/** @internal */
export function writeAtomic(path: string, bytes: Uint8Array | FileParts, calls: WriteCalls): Promise<void>;
export async function writeAtomic(
  path: string,
  bytes: Uint8Array | FileParts,
  calls: WriteCalls = realCalls,
): Promise<void> {
  if (typeof path !== "string" || path === "") throw new FileError(`expected a file path, got ${JSON.stringify(path)}`);
  const parts = Array.isArray(bytes) ? (bytes as FileParts) : [bytes as Uint8Array];
  if (!parts.every((part) => part instanceof Uint8Array))
    throw new FileError(`cannot write ${path}: expected a Uint8Array, got ${typeof bytes}`);
  const size = parts.reduce((sum, part) => sum + part.length, 0);
  const temporary = `${path}.tmp.${process.pid}.${serial++}`;
  let created = false;
  try {
    const handle = await calls.open(temporary, "w");
    created = true;
    try {
      let left = size;
      for (const part of parts) {
        for (let at = 0; at < part.length; ) {
          const { bytesWritten } = await handle.write(part, at, Math.min(part.length - at, 2 ** 30));
          if (bytesWritten <= 0) throw new Error(`the system wrote none of the last ${left} bytes`);
          at += bytesWritten;
          left -= bytesWritten;
        }
      }
      await handle.sync();
    } finally {
      await handle.close();
    }
    await calls.rename(temporary, path);
    created = false;
  } catch (cause) {
    if (created) await calls.unlink(temporary).catch(() => {});
    throw cannot(`write ${size} bytes to`, path, cause);
  }
  await syncFolder(dirname(path), calls);
}

/** Flush the rename to disk. Windows and some network file systems cannot; the file is complete anyway. */
async function syncFolder(folder: string, calls: WriteCalls): Promise<void> {
  try {
    const handle = await calls.open(folder, "r");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (cause) {
    if (!["EISDIR", "EPERM", "EINVAL", "EACCES", "ENOTSUP", "EBADF"].includes(codeOf(cause)))
      throw cannot("flush the folder", folder, cause);
  }
}
