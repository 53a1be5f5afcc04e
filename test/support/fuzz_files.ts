// Makes small valid files of every kind that is read, for fuzzing to damage.
import { crc32, deflateRawSync, gzipSync } from "node:zlib";
import { parquetWriteBuffer } from "hyparquet-writer";
import sharp, { type Sharp } from "sharp";
import { pack } from "tar-stream";

export const text = (words: string): Uint8Array => new TextEncoder().encode(words);
export const bytes = (length: number, step = 37): Uint8Array<ArrayBuffer> =>
  Uint8Array.from({ length }, (_, i) => (i * step) % 251);

/** A safetensors file as other programs write it, without a checksum. */
export function plainSafetensors(header: object, data: Uint8Array): Uint8Array {
  const json = text(JSON.stringify(header));
  const out = new Uint8Array(8 + json.length + data.length);
  new DataView(out.buffer).setBigUint64(0, BigInt(json.length), true);
  out.set(json, 8);
  out.set(data, 8 + json.length);
  return out;
}

/** One picture in each format that is decoded, and in the ways that PNG and JPEG can hold one. */
export async function pictures(): Promise<Record<"jpeg" | "png" | "webp" | "gif" | "tiff" | "avif", Uint8Array[]>> {
  const of = (channels: 1 | 3 | 4) => sharp(bytes(24 * 20 * channels, 7), { raw: { width: 24, height: 20, channels } });
  const made = async (image: Sharp) => new Uint8Array(await image.toBuffer());
  const cmyk = of(4).pipelineColourspace("cmyk").toColourspace("cmyk").jpeg();
  return {
    jpeg: [
      await made(of(3).jpeg()),
      await made(of(1).jpeg()),
      await made(of(3).jpeg({ progressive: true })),
      await made(cmyk),
    ],
    png: [
      await made(of(3).png()),
      await made(of(4).png()),
      await made(of(3).png({ palette: true })),
      await made(of(1).png()),
    ],
    webp: [await made(of(3).webp()), await made(of(4).webp({ lossless: true }))],
    gif: [await made(of(3).gif())],
    tiff: [await made(of(3).tiff({ compression: "lzw" })), await made(of(3).tiff({ compression: "none" }))],
    avif: [await made(of(3).avif({ effort: 0 }))],
  };
}

/** A PNG whose chunks have the check sums that belong to their bytes. */
export function withPngSums(png: Uint8Array): Uint8Array {
  const out = new Uint8Array(png);
  const view = new DataView(out.buffer);
  for (let at = 8; at + 12 <= out.length; ) {
    const end = at + 8 + view.getUint32(at);
    if (end + 4 > out.length) break;
    view.setUint32(end, crc32(out.subarray(at + 4, end)));
    at = end + 4;
  }
  return out;
}

/** A parquet file as the hub's tools write them. */
export function parquet(codec: "UNCOMPRESSED" | "SNAPPY", labels: "numbers" | "names"): Uint8Array {
  const images = Array.from({ length: 7 }, (_, i) => bytes(12 + i, 3 + i));
  const note = JSON.stringify({ info: { features: { label: { names: ["a", "b", "c"] } } } });
  const label =
    labels === "numbers"
      ? { name: "label", data: images.map((_, i) => BigInt(i % 3)), type: "INT64" as const }
      : { name: "label", data: images.map((_, i) => "abc"[i % 3]!), type: "STRING" as const };
  return new Uint8Array(
    parquetWriteBuffer({
      codec,
      rowGroupSize: 4,
      columnData: [{ name: "image", data: images, type: "BYTE_ARRAY" }, label],
      ...(labels === "numbers" ? { kvMetadata: [{ key: "huggingface", value: note }] } : {}),
    }),
  );
}

/** A tar archive of these members. */
export async function tar(members: Readonly<Record<string, Uint8Array | string>>): Promise<Uint8Array> {
  const archive = pack();
  for (const [name, content] of Object.entries(members)) archive.entry({ name }, Buffer.from(content as string));
  archive.finalize();
  const parts: Uint8Array[] = [];
  for await (const chunk of archive) parts.push(chunk as Uint8Array);
  return new Uint8Array(Buffer.concat(parts));
}

export const gzip = (content: Uint8Array): Uint8Array => new Uint8Array(gzipSync(content));

/** Make an archive of one deflated file, with its check sum. */
export function deflatedZip(name: string, content: Uint8Array, crc: number): Uint8Array {
  const packed = new Uint8Array(deflateRawSync(content));
  const path = text(name);
  const out = new Uint8Array(30 + path.length + packed.length + 46 + path.length + 22);
  const view = new DataView(out.buffer);
  const fields = (at: number) => {
    view.setUint16(at, 20, true);
    view.setUint16(at + 4, 8, true);
    view.setUint32(at + 10, crc, true);
    view.setUint32(at + 14, packed.length, true);
    view.setUint32(at + 18, content.length, true);
    view.setUint16(at + 22, path.length, true);
  };
  view.setUint32(0, 0x04034b50, true);
  fields(4);
  out.set(path, 30);
  out.set(packed, 30 + path.length);
  const directory = 30 + path.length + packed.length;
  view.setUint32(directory, 0x02014b50, true);
  fields(directory + 6);
  out.set(path, directory + 46);
  const end = directory + 46 + path.length;
  view.setUint32(end, 0x06054b50, true);
  view.setUint16(end + 8, 1, true);
  view.setUint16(end + 10, 1, true);
  view.setUint32(end + 12, end - directory, true);
  view.setUint32(end + 16, directory, true);
  return out;
}
