// What visitors drop or pick: files with their paths, and which of them is a model.

export interface DroppedFile {
  readonly path: string;
  readonly file: File;
}

/** A drop of more files than this is cut, so that a slip of the hand does not read a whole disk. */
export const MOST_FILES = 20000;

export const isModelFile = (path: string): boolean => /\.safetensors$/i.test(path);

/** What systems leave in folders. */
export const isClutter = (path: string): boolean =>
  path
    .split("/")
    .some((part) => part.startsWith(".") || part === "__MACOSX" || /^(thumbs\.db|desktop\.ini)$/i.test(part));

/** One model file, or the files that are data. */
export function sortDropped<F extends { readonly path: string }>(files: readonly F[]): { model: F | null; data: F[] } {
  const useful = files.filter(({ path }) => !isClutter(path));
  return {
    model: useful.find(({ path }) => isModelFile(path)) ?? null,
    data: useful.filter(({ path }) => !isModelFile(path)),
  };
}

/** Files of an <input>; those of a folder have paths. */
export function pickedFiles(list: FileList | null): DroppedFile[] {
  return [...(list ?? [])].slice(0, MOST_FILES).map((file) => ({ path: file.webkitRelativePath || file.name, file }));
}

async function walk(entry: FileSystemEntry, into: DroppedFile[]): Promise<void> {
  if (into.length >= MOST_FILES) return;
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
    into.push({ path: entry.fullPath.replace(/^\//, ""), file });
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  // A reader gives a part at a time, and none at the end.
  for (;;) {
    const part = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (part.length === 0) return;
    for (const child of part) await walk(child, into);
  }
}

/** Files of a drop, with those of dropped folders. */
export async function droppedFiles(transfer: DataTransfer): Promise<DroppedFile[]> {
  // Entries have to be taken before the first await: the transfer is emptied after the event.
  const entries = [...transfer.items].map((item) => (item.kind === "file" ? item.webkitGetAsEntry() : null));
  const plain = [...transfer.files].map((file) => ({ path: file.name, file }));
  if (entries.every((entry) => entry === null)) return plain;
  const files: DroppedFile[] = [];
  for (const entry of entries) if (entry) await walk(entry, files);
  return files;
}
