// Counts the files that a reader of a folder or an archive skips, by kind, so that each is reported.

/** Files of one kind that a reader skipped. */
export interface SkippedFiles {
  /** Kind, such as ".bmp images, an unsupported format". */
  readonly what: string;
  readonly count: number;
  /** Path of one of them. */
  readonly example: string;
}

export class SkippedFileCount {
  private readonly kinds = new Map<string, { count: number; readonly example: string }>();

  add(what: string, example: string, count = 1): void {
    const kind = this.kinds.get(what) ?? { count: 0, example };
    kind.count += count;
    this.kinds.set(what, kind);
  }

  /** Return the kinds, the most frequent first. */
  list(): SkippedFiles[] {
    const kinds = [...this.kinds].map(([what, { count, example }]) => ({ what, count, example }));
    return kinds.sort((a, b) => b.count - a.count || (a.what < b.what ? -1 : 1));
  }
}

/** Endings of images without a decoder here. */
const UNREAD_IMAGES = new Set(
  "bmp dib ppm pgm pbm pnm pfm heic heif hif jxl jp2 j2k jpx svg ico tga psd exr hdr cr2 nef arw dng raw dcm npy".split(
    " ",
  ),
);
const PACKED = /\.(zip|tar|tgz|tbz2?|txz|rar|7z|tar\.\w+|parquet)$/i;
const SYSTEM = new Set(["thumbs.db", "desktop.ini", "__macosx", "lost+found", "@eadir"]);

/** Check for files and folders of systems: hidden ones, Thumbs.db, __MACOSX. */
export const isSystemName = (name: string): boolean => name.startsWith(".") || SYSTEM.has(name.toLowerCase());

export const isPacked = (name: string): boolean => PACKED.test(name);

/** Return the kind of a file by its name; not for images that are read. */
export function kindOfFile(name: string): string {
  const dot = name.lastIndexOf(".");
  const ending = dot > 0 ? name.slice(dot + 1).toLowerCase() : "";
  if (isPacked(name)) return "archives beside the images";
  if (UNREAD_IMAGES.has(ending)) return `.${ending} images, an unsupported format`;
  return ending === "" ? "files without an ending" : `.${ending} files`;
}
