// Errors of files and folders, with the system's reason as text.
import { EspalierError } from "../text/index.ts";

/** A file or folder that cannot be read, written, made or removed: "cannot read F: no such file or folder". */
export class FileError extends EspalierError {
  override readonly name = "FileError";
}

/** Return the system's code of an error, such as ENOENT; empty for other errors. */
export const codeOf = (cause: unknown): string => (cause as NodeJS.ErrnoException).code ?? "";

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "no such file or folder",
  ENOTDIR: "a part of the path is not a folder",
  EISDIR: "it is a folder",
  EACCES: "permission denied",
  EPERM: "permission denied",
  EROFS: "the file system is read-only",
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota is used up",
  EFBIG: "the file is larger than this file system or limit allows",
  EMFILE: "too many open files",
  ENAMETOOLONG: "the name is too long",
  ELOOP: "the links form a circle",
};

/** Return why the system refused a call. */
export function reason(cause: unknown): string {
  return REASONS[codeOf(cause)] ?? (cause instanceof Error ? cause.message : String(cause));
}

/** Make the error of a call that the system refused: `cannot("read", path, cause)`. */
export const cannot = (verb: string, path: string, cause: unknown): FileError =>
  new FileError(`cannot ${verb} ${path}: ${reason(cause)}`);
