// Format and size in the first bytes of an image file, checked before anything is decoded.

/** Supported image formats. */
type ImageFormat = "jpeg" | "png" | "webp" | "gif" | "tiff" | "heif";

const ascii = (bytes: Uint8Array, begin: number, end: number): string =>
  String.fromCharCode(...bytes.subarray(begin, end));

/** Return the format by the first bytes. Names and endings do not count. */
export function imageFormat(bytes: Uint8Array): ImageFormat | null {
  if (bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff) return "jpeg";
  const start = ascii(bytes, 0, 8);
  if (start === "\x89PNG\r\n\x1a\n") return "png";
  if (start.startsWith("GIF87a") || start.startsWith("GIF89a")) return "gif";
  if (start.startsWith("RIFF") && ascii(bytes, 8, 12) === "WEBP") return "webp";
  if (["II*\0", "MM\0*", "II+\0", "MM\0+"].includes(start.slice(0, 4))) return "tiff";
  return ascii(bytes, 4, 8) === "ftyp" ? "heif" : null;
}

/** Return the kind of another file, or null. */
export function otherKind(bytes: Uint8Array): string | null {
  const start = ascii(bytes, 0, 256).trimStart().toLowerCase();
  if (/^(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)?(<!doctype svg[^>]*>\s*)?<svg/s.test(start)) return "svg";
  if (start.startsWith("%pdf")) return "pdf";
  if (start.startsWith("bm")) return "bmp";
  return null;
}

/** Pixels that any file may have (4096 x 4096) ... */
const FREE_PIXELS = 2 ** 24;
/** ... and more for each of its bytes. Photographs have about 10, flat drawings in JPEG up to 512. */
const PIXELS_PER_BYTE = 1024;
/** Largest packing ratio of deflate. */
const DEFLATE_RATIO = 1032;

const PNG_CHANNELS: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

/** Read width and height from a PNG's first bytes: any 32 bits, which not all PNG readers can handle. */
export function pngSize(bytes: Uint8Array): { readonly width: number; readonly height: number } | null {
  if (bytes.length < 26) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { width: view.getUint32(16), height: view.getUint32(20) };
}

/** Return the unpacked bytes of a PNG's pixels, from its first chunk; 0 if there is none. */
function pngBytes(bytes: Uint8Array): number {
  if (bytes.length < 26) return 0;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const channels = PNG_CHANNELS[view.getUint8(25)] ?? 1;
  return (1 + Math.ceil((view.getUint32(16) * view.getUint8(24) * channels) / 8)) * view.getUint32(20);
}

/** Return why an image of this size does not fit these bytes or is too large; else null. */
export function sizeFault(
  bytes: Uint8Array,
  format: ImageFormat,
  { width, height }: { readonly width: number; readonly height: number },
  limitPixels: number,
): string | null {
  const pixels = width * height;
  if (pixels > limitPixels) return `expected at most ${limitPixels} pixels, got ${width} x ${height}`;
  const most = FREE_PIXELS + PIXELS_PER_BYTE * bytes.length;
  if (pixels > most || (format === "png" && pngBytes(bytes) > DEFLATE_RATIO * bytes.length))
    return `${width} x ${height} pixels are more than a file of ${bytes.length} bytes can hold`;
  return null;
}
