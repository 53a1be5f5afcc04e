// A file on disk that is read piece by piece, however large.
import type { FileRanges } from "../io/index.ts";
import { FileError } from "./file_error.ts";
import { openRegular } from "./regular_file.ts";

/** An open file; `close` when all is read. */
export interface OpenFile extends FileRanges {
  close(): Promise<void>;
}

/** What the system takes in one call. */
const MOST = 2 ** 30;

/**
 * Opens a regular file to be read at any place.
 *
 * Errors    NotRegularError for what is no regular file, without the path; FileError naming it when it is cut meanwhile.
 */
export async function openRanges(path: string): Promise<OpenFile> {
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
