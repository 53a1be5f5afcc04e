// What the first bytes of an image file say, and how large an image its bytes can be: asked before anything is decoded.

/** Formats of photographs that are decoded. */
export type ImageFormat = "jpeg" | "png" | "webp" | "gif" | "tiff" | "heif";

const ascii = (bytes: Uint8Array, begin: number, end: number): string =>
  String.fromCharCode(...bytes.subarray(begin, end));

/** The format that a file begins as. Names and endings are not asked, and no decoder is. */
export function imageFormat(bytes: Uint8Array): ImageFormat | null {
  if (bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff) return "jpeg";
  const start = ascii(bytes, 0, 8);
  if (start === "\x89PNG\r\n\x1a\n") return "png";
  if (start.startsWith("GIF87a") || start.startsWith("GIF89a")) return "gif";
  if (start.startsWith("RIFF") && ascii(bytes, 8, 12) === "WEBP") return "webp";
  if (["II*\0", "MM\0*", "II+\0", "MM\0+"].includes(start.slice(0, 4))) return "tiff";
  return ascii(bytes, 4, 8) === "ftyp" ? "heif" : null;
}

/** What a file that is no photograph seems to be, or null. */
export function otherKind(bytes: Uint8Array): string | null {
  const start = ascii(bytes, 0, 256).trimStart().toLowerCase();
  if (/^(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)?(<!doctype svg[^>]*>\s*)?<svg/s.test(start)) return "svg";
  if (start.startsWith("%pdf")) return "pdf";
  if (start.startsWith("bm")) return "bmp";
  return null;
}

/** Any file may hold so many pixels, as 4096 x 4096, ... */
export const FREE_PIXELS = 2 ** 24;
/** ... and a larger one so many more for each of its bytes. Photographs have some 10, flat drawings in JPEG up to 512. */
export const PIXELS_PER_BYTE = 1024;
/** Deflate packs at most so many bytes into one. */
const DEFLATE_RATIO = 1032;

const PNG_CHANNELS: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

/** Width and height that a PNG's first bytes claim: any 32 bits, which not all of its readers are made for. */
export function pngSize(bytes: Uint8Array): { readonly width: number; readonly height: number } | null {
  if (bytes.length < 26) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { width: view.getUint32(16), height: view.getUint32(20) };
}

/** Bytes of a PNG's pixels before they were packed, from its first chunk; 0 where that is none. */
function pngBytes(bytes: Uint8Array): number {
  if (bytes.length < 26) return 0;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const channels = PNG_CHANNELS[view.getUint8(25)] ?? 1;
  return (1 + Math.ceil((view.getUint32(16) * view.getUint8(24) * channels) / 8)) * view.getUint32(20);
}

/** Why an image of this size cannot lie in these bytes, or is too large to be decoded; else null. */
export function sizeFault(
  bytes: Uint8Array,
  format: ImageFormat,
  { width, height }: { readonly width: number; readonly height: number },
  limitPixels: number,
): string | null {
  const pixels = width * height;
  if (pixels > limitPixels) return `${width} x ${height} pixels, at most ${limitPixels} are decoded`;
  const most = FREE_PIXELS + PIXELS_PER_BYTE * bytes.length;
  if (pixels > most || (format === "png" && pngBytes(bytes) > DEFLATE_RATIO * bytes.length)) {
    return `it claims ${width} x ${height} pixels, more than a file of ${bytes.length} bytes may hold`;
  }
  return null;
}
