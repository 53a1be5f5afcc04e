// Reads regular files only. Reading from a pipe or a terminal can wait without end, /dev/zero has no end, and opening a
// device may have effects: none of them is opened as a data file.

import { closeSync, constants, fstatSync, openSync, readSync, type Stats, statSync } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { EspalierError } from "../text/index.ts";
import { codeOf, reason } from "./file_error.ts";

/** Reason why a path is not read, without the path. `code` is the system's, if it has one. */
export class NotRegularError extends EspalierError {
  override readonly name = "NotRegularError";
  readonly code: string;
  constructor(message: string, code: string) {
    super(message);
    this.code = code;
  }
}

/** Return the kind of something that is not a regular file. */
function kindOf(stats: Stats): string {
  if (stats.isDirectory()) return "a folder";
  if (stats.isFIFO()) return "a named pipe (FIFO)";
  if (stats.isSocket()) return "a socket";
  if (stats.isCharacterDevice() || stats.isBlockDevice()) return "a device";
  return "something else";
}

function checked(stats: Stats): Stats {
  if (stats.isFile()) return stats;
  const problem = `expected a regular file, got ${kindOf(stats)}`;
  throw new NotRegularError(problem, stats.isDirectory() ? "EISDIR" : "ENOTREG");
}

function fault(cause: unknown): NotRegularError {
  if (cause instanceof NotRegularError) return cause;
  const code = codeOf(cause);
  return new NotRegularError(code === "ENOENT" ? "no such file" : reason(cause), code);
}

/** Flags that keep the open from blocking on a pipe that has replaced the file. */
const FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/** Return the system's record of a regular file. Errors: NotRegularError. */
export async function regularFile(path: string): Promise<Stats> {
  try {
    return checked(await stat(path));
  } catch (cause) {
    throw fault(cause);
  }
}

/** Open a regular file for reading. Errors: NotRegularError. */
export async function openRegular(path: string): Promise<FileHandle> {
  await regularFile(path);
  let handle: FileHandle | null = null;
  try {
    handle = await open(path, FLAGS);
    checked(await handle.stat());
    return handle;
  } catch (cause) {
    await handle?.close();
    throw fault(cause);
  }
}

/** Largest text in bytes: V8's strings end at 2^29. */
const MOST_TEXT = 2 ** 28;

const tooLarge = (size: number, most: number) =>
  new NotRegularError(`expected at most ${most} bytes, got ${size}`, "EFBIG");

/**
 * Read all bytes of a regular file, piece by piece: `fs.readFile` refuses files above 2 GiB, and does not end for other
 * kinds of files.
 *
 * Errors    NotRegularError: no regular file, larger than `maxBytes`, or truncated while it is read.
 */
export async function readRegular(path: string, maxBytes = Number.POSITIVE_INFINITY): Promise<Uint8Array<ArrayBuffer>> {
  const handle = await openRegular(path);
  try {
    const { size } = await handle.stat();
    if (size > maxBytes) throw tooLarge(size, maxBytes);
    const bytes = new Uint8Array(size);
    for (let at = 0; at < size; ) {
      const { bytesRead } = await handle.read(bytes, at, Math.min(size - at, 2 ** 30), at);
      if (bytesRead === 0) throw shrank(size, at);
      at += bytesRead;
    }
    return bytes;
  } catch (cause) {
    throw fault(cause);
  } finally {
    await handle.close();
  }
}

const shrank = (size: number, at: number) =>
  new NotRegularError(`the file shrank from ${size} to ${at} bytes while it was read`, "");

/** Synchronous form of readRegular. */
export function readRegularSync(path: string, maxBytes = Number.POSITIVE_INFINITY): Uint8Array<ArrayBuffer> {
  let fd: number | null = null;
  try {
    checked(statSync(path));
    fd = openSync(path, FLAGS);
    const { size } = checked(fstatSync(fd));
    if (size > maxBytes) throw tooLarge(size, maxBytes);
    const bytes = new Uint8Array(size);
    for (let at = 0; at < size; ) {
      const count = readSync(fd, bytes, at, Math.min(size - at, 2 ** 30), at);
      if (count === 0) throw shrank(size, at);
      at += count;
    }
    return bytes;
  } catch (cause) {
    throw fault(cause);
  } finally {
    if (fd !== null) closeSync(fd);
  }
}

/** Read a regular file as text, without a byte order mark. */
export async function readRegularText(path: string, maxBytes = MOST_TEXT): Promise<string> {
  return new TextDecoder().decode(await readRegular(path, maxBytes));
}

/** Synchronous form of readRegularText. */
export function readRegularTextSync(path: string, maxBytes = MOST_TEXT): string {
  return new TextDecoder().decode(readRegularSync(path, maxBytes));
}
