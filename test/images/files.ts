// Temporary folders, small images and archives for the tests of image files.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { crc32, deflateSync } from "node:zlib";
import { parquetWriteBuffer } from "hyparquet-writer";
import sharp from "sharp";
import { pack } from "tar-stream";
import { afterAll } from "vitest";
import type { ImageBatch, StreamedBatchOptions, StreamedDataset } from "../../src/data/index.ts";
import type { EncodedSource } from "../../src/images/encoded_source.ts";

/** Make a folder that is removed after the test file. */
export function temporaryFolder(): string {
  const dir = mkdtempSync(join(tmpdir(), "espalier-images-"));
  afterAll(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** Write files by their paths; make their folders. */
export function writeFiles(dir: string, files: Readonly<Record<string, string | Uint8Array>>): string {
  for (const [path, bytes] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), bytes);
  }
  return dir;
}

/** Make a picture of one colour. */
export function plain(color: readonly [number, number, number], height = 8, width = 8): Promise<Buffer> {
  const pixels = Uint8Array.from({ length: 3 * height * width }, (_, i) => color[i % 3]!);
  return sharp(pixels, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
}

/** Make a noisy JPEG whose pixels depend on the seed. */
export function noisy(seed: number, height = 40, width = 48): Promise<Buffer> {
  const pixels = Uint8Array.from({ length: 3 * height * width }, (_, i) => {
    const [x, y] = [Math.floor(i / 3) % width, Math.floor(i / 3 / width)];
    return 128 + 80 * Math.sin((x * (seed + 1)) / 9 + i) * Math.cos((y * (seed + 3)) / 11);
  });
  return sharp(pixels, { raw: { width, height, channels: 3 } })
    .jpeg()
    .toBuffer();
}

/** Make a black PNG of one bit per pixel: few bytes at any size. */
export function blankPng(side: number): Buffer {
  const chunk = (name: string, data: Buffer) => {
    const body = Buffer.concat([Buffer.from(name, "latin1"), data]);
    const ends = Buffer.alloc(8);
    ends.writeUInt32BE(data.length, 0);
    ends.writeUInt32BE(crc32(body), 4);
    return Buffer.concat([ends.subarray(0, 4), body, ends.subarray(4)]);
  };
  const head = Buffer.alloc(13);
  head.writeUInt32BE(side, 0);
  head.writeUInt32BE(side, 4);
  head[8] = 1;
  const rows = deflateSync(Buffer.alloc(side * (1 + Math.ceil(side / 8))));
  const mark = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]);
  return Buffer.concat([mark, chunk("IHDR", head), chunk("IDAT", rows), chunk("IEND", Buffer.alloc(0))]);
}

/** Make a PNG whose header claims another size, with a valid checksum. */
export function claiming(png: Uint8Array, width: number, height: number): Buffer {
  const bytes = Buffer.from(png);
  bytes.writeUInt32BE(width, 16);
  bytes.writeUInt32BE(height, 20);
  bytes.writeUInt32BE(crc32(bytes.subarray(12, 29)), 29);
  return bytes;
}

/** Make an uncompressed TIFF of 4 x 4 pixels. `format`: 1 integers, 2 signed, 3 floats. */
export function tiffOf(bits: number, format: 1 | 2 | 3, channels: number, data: Uint8Array): Buffer {
  const entries: [tag: number, type: number, value: number][] = [
    [256, 4, 4], // width
    [257, 4, 4], // height
    [258, 3, bits],
    [259, 3, 1], // not packed
    [262, 3, 1], // 0 is black
    [273, 4, 8 + 2 + 12 * 10 + 4], // where the data begin
    [277, 3, channels],
    [278, 4, 4], // rows of a strip
    [279, 4, data.length],
    [339, 3, format],
  ];
  const head = Buffer.alloc(8 + 2 + 12 * entries.length + 4);
  head.write("II*\0", "latin1");
  head.writeUInt32LE(8, 4);
  head.writeUInt16LE(entries.length, 8);
  for (const [i, [tag, type, value]] of entries.entries()) {
    head.writeUInt16LE(tag, 10 + 12 * i);
    head.writeUInt16LE(type, 12 + 12 * i);
    head.writeUInt32LE(1, 14 + 12 * i);
    head.writeUInt32LE(value, 18 + 12 * i);
  }
  return Buffer.concat([head, data]);
}

export type Member = readonly [
  name: string,
  bytes: Uint8Array | string,
  header?: { type: "symlink"; linkname: string },
];

export async function tarOf(members: readonly Member[]): Promise<Buffer> {
  const tar = pack();
  for (const [name, bytes, header] of members) tar.entry({ name, ...header }, Buffer.from(bytes as string));
  tar.finalize();
  const parts: Uint8Array[] = [];
  for await (const chunk of tar) parts.push(chunk as Uint8Array);
  return Buffer.concat(parts);
}

export interface Row {
  readonly bytes: Uint8Array | null;
  readonly label: number | null;
}

/** Make a parquet file with the columns of the hub's image data sets. */
export function parquetOf(rows: readonly Row[], names: readonly string[] | null, rowGroupSize = 3): Uint8Array {
  const note = JSON.stringify({ info: { features: { label: { names, _type: "ClassLabel" } } } });
  return new Uint8Array(
    parquetWriteBuffer({
      schema: [
        { name: "root", num_children: 2 },
        { name: "image", num_children: 2, repetition_type: "OPTIONAL" },
        { name: "bytes", type: "BYTE_ARRAY", repetition_type: "OPTIONAL" },
        { name: "path", type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "OPTIONAL" },
        { name: "label", type: "INT64", repetition_type: "OPTIONAL" },
      ],
      columnData: [
        { name: "image", data: rows.map(({ bytes }, i) => ({ bytes, path: `${i}.jpg` })) },
        { name: "label", data: rows.map(({ label }) => (label === null ? null : BigInt(label))) },
      ],
      rowGroupSize,
      ...(names ? { kvMetadata: [{ key: "huggingface", value: note }] } : {}),
    }),
  );
}

/** Encoded images held in memory. */
export function sourceOf(images: readonly Uint8Array[], classes = 3, groups?: EncodedSource["groups"]): EncodedSource {
  return {
    name: "held",
    length: images.length,
    classes: Array.from({ length: classes }, (_, i) => `class ${i}`),
    key: (i) => `image ${i}`,
    label: (i) => i % classes,
    read: async (i) => images[i]!,
    ...(groups ? { groups } : {}),
    close: async () => {},
  };
}

export const epoch = (options: Partial<StreamedBatchOptions> = {}): StreamedBatchOptions => ({
  batchSize: 4,
  epoch: 0,
  seed: 1,
  startBatch: 0,
  training: true,
  ...options,
});

/** Collect all batches of an epoch with copies of their arrays. */
export async function collect(dataset: StreamedDataset, options: StreamedBatchOptions): Promise<ImageBatch[]> {
  const batches: ImageBatch[] = [];
  const stream = dataset.batches(options);
  for await (const batch of stream) {
    const { crop } = batch;
    batches.push({
      ...batch,
      x: batch.x.slice(),
      y: batch.y.slice(),
      ...(crop ? { crop: crop.slice() } : {}),
    });
    stream.recycle(batch);
  }
  return batches;
}
