// A file on disk that is read piece by piece, of any size.
import type { FileRanges } from "../io/index.ts";
import { FileError } from "./file_error.ts";
import { openRegular } from "./regular_file.ts";

/** An open file; call `close` at the end. */
export interface OpenFile extends FileRanges {
  close(): Promise<void>;
}

/** Most bytes of one read call. */
const MOST = 2 ** 30;

/**
 * Open a regular file for random access.
 *
 * Errors    NotRegularError, without the path, if it is no regular file; FileError naming it if it is truncated
 *           meanwhile.
 */
export async function openFileRanges(path: string): Promise<OpenFile> {
  const handle = await openRegular(path);
  const { size } = await handle.stat();
  return {
    name: path,
    size,
    async read(begin, end) {
      const bytes = new Uint8Array(end - begin);
      for (let at = 0; at < bytes.length; ) {
        const { bytesRead } = await handle.read(bytes, at, Math.min(bytes.length - at, MOST), begin + at);
        if (bytesRead === 0)
          throw new FileError(`cannot read ${path}: expected ${size} bytes, it ends at byte ${begin + at}`);
        at += bytesRead;
      }
      return bytes;
    },
    close: () => handle.close(),
  };
}
