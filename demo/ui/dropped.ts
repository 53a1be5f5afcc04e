// Files that visitors drop or pick: their paths, and which of them is a model.

export interface DroppedFile {
  readonly path: string;
  readonly file: File;
}

/** Limit of files in a drop, so that an accident does not read a whole disk. */
export const MOST_FILES = 20000;

const isModelFile = (path: string): boolean => /\.(safetensors|onnx)$/i.test(path);

/** Return true for files that operating systems add to folders. */
const isClutter = (path: string): boolean =>
  path
    .split("/")
    .some((part) => part.startsWith(".") || part === "__MACOSX" || /^(thumbs\.db|desktop\.ini)$/i.test(part));

/** Return true for a picture that was dropped or picked by itself, outside a folder. */
export const isPicture = ({ path, file }: { readonly path: string; readonly file: Blob }, files: number): boolean =>
  files === 1 && !path.includes("/") && file.type.startsWith("image/");

/** Separate the first model file from the data files. */
export function sortDropped<F extends { readonly path: string }>(files: readonly F[]): { model: F | null; data: F[] } {
  const useful = files.filter(({ path }) => !isClutter(path));
  return {
    model: useful.find(({ path }) => isModelFile(path)) ?? null,
    data: useful.filter(({ path }) => !isModelFile(path)),
  };
}

/** Return the files of an <input>; files of a folder have paths. */
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
  // A reader returns a part at a time, and an empty one at the end.
  for (;;) {
    const part = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (part.length === 0) return;
    for (const child of part) await walk(child, into);
  }
}

/** Return the files of a drop, including those of dropped folders. */
export async function droppedFiles(transfer: DataTransfer): Promise<DroppedFile[]> {
  // Read entries before the first await: the transfer is emptied after the event.
  const entries = [...transfer.items].map((item) => (item.kind === "file" ? item.webkitGetAsEntry() : null));
  const plain = [...transfer.files].map((file) => ({ path: file.name, file }));
  if (entries.every((entry) => entry === null)) return plain;
  const files: DroppedFile[] = [];
  for (const entry of entries) if (entry) await walk(entry, files);
  return files;
}
