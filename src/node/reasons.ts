// Why the system refused a call, in words where we have them.

/** The system's code of an error, as ENOENT; empty for other errors. */
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
  ELOOP: "links that go round in a circle",
};

export function reason(cause: unknown): string {
  return REASONS[codeOf(cause)] ?? (cause instanceof Error ? cause.message : String(cause));
}
