// Whether a path leads to a regular file. Reading from a pipe or a terminal waits for ever, from /dev/zero never ends, and
// opening a device may do something to it: none of them is opened as a file of data.

import { closeSync, constants, fstatSync, openSync, readSync, type Stats, statSync } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { EspalierError } from "../text/index.ts";
import { codeOf, reason } from "./file_error.ts";

/** Why a path is not read, in words that fit behind its name. `code` is the system's, where it has one. */
export class NotRegularError extends EspalierError {
  override readonly name = "NotRegularError";
  readonly code: string;
  constructor(message: string, code: string) {
    super(message);
    this.code = code;
  }
}

/** What something that is not a regular file is called. */
function kindOf(stats: Stats): string {
  if (stats.isDirectory()) return "a folder";
  if (stats.isFIFO()) return "a named pipe (FIFO)";
  if (stats.isSocket()) return "a socket";
  if (stats.isCharacterDevice() || stats.isBlockDevice()) return "a device";
  return "something else";
}

function checked(stats: Stats): Stats {
  if (stats.isFile()) return stats;
  throw new NotRegularError(
    `expected a regular file, got ${kindOf(stats)}`,
    stats.isDirectory() ? "EISDIR" : "ENOTREG",
  );
}

function fault(cause: unknown): NotRegularError {
  if (cause instanceof NotRegularError) return cause;
  const code = codeOf(cause);
  return new NotRegularError(code === "ENOENT" ? "no such file" : reason(cause), code);
}

/** A pipe that took the file's name since it was looked at must not hold the open back. */
const FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/** What the system says of a regular file. Errors: NotRegularError. */
export async function regularFile(path: string): Promise<Stats> {
  try {
    return checked(await stat(path));
  } catch (cause) {
    throw fault(cause);
  }
}

/** Opens a regular file for reading. Errors: NotRegularError. */
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

/** A text of more bytes is none that a person or a program wrote for us: strings of V8 end at 2^29. */
const MOST_TEXT = 2 ** 28;

const tooLarge = (size: number, most: number) =>
  new NotRegularError(`it has ${size} bytes, at most ${most} are read`, "EFBIG");

/**
 * All bytes of a regular file, piece by piece: `fs.readFile` refuses files above 2 GiB, and reads what is no file for ever.
 *
 * Errors    NotRegularError: no regular file, larger than `maxBytes`, or cut while it is read.
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

/** As readRegular, at once. */
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

/** As readRegular, as text; a mark of byte order in front is left out. */
export async function readRegularText(path: string, maxBytes = MOST_TEXT): Promise<string> {
  return new TextDecoder().decode(await readRegular(path, maxBytes));
}

/** As readRegularText, at once. */
export function readRegularTextSync(path: string, maxBytes = MOST_TEXT): string {
  return new TextDecoder().decode(readRegularSync(path, maxBytes));
}
