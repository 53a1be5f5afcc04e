// Reads the images shipped with the page: a part of MNIST and, if the site has it, of Fashion-MNIST. Each is one file
// written by tools/digits_vite.ts.
//
// Format of digits.bin.gz and fashion.bin.gz, gzip outside. Numbers are little-endian.
//     0   4 bytes  "EDIG"
//     4   u8       version, 1
//     5   u8       height
//     6   u8       width
//     7   u8       classes
//     8   u32      n, training images
//    12   u32      m, test images
//    16   u8       labels [n], labels [m], then pixels [n, height, width], pixels [m, height, width]
import {
  FASHION_MNIST,
  fetchSource,
  gunzipIfPacked,
  type ImageDataset,
  imageDataset,
  MNIST,
} from "../../src/internal.ts";

export interface Splits {
  readonly train: ImageDataset;
  readonly test: ImageDataset;
}

export type ShippedSource = "mnist" | "fashion-mnist";

const SHIPPED = {
  mnist: { file: "digits.bin.gz", facts: MNIST },
  "fashion-mnist": { file: "fashion.bin.gz", facts: FASHION_MNIST },
} as const;

const HEADER = 16;
/** Limit of an unpacked file; the shipped ones have 5.5 MB. */
const MOST_BYTES = 2 ** 26;

/** Parse an unpacked file. Throws Error naming the file and the problem. */
export function parseDigits(bytes: Uint8Array, source: ShippedSource): Splits {
  const { file, facts } = SHIPPED[source];
  const fail = (message: string): never => {
    throw new Error(`${file}: ${message}`);
  };
  if (bytes.length < HEADER) fail(`truncated: ${bytes.length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (String.fromCharCode(...bytes.subarray(0, 4)) !== "EDIG") fail("does not start with EDIG");
  if (view.getUint8(4) !== 1) fail(`expected version 1, got ${view.getUint8(4)}`);
  const [height, width, classes] = [view.getUint8(5), view.getUint8(6), view.getUint8(7)];
  if (classes !== facts.classes.length) fail(`expected ${facts.classes.length} classes, got ${classes}`);
  const [n, m] = [view.getUint32(8, true), view.getUint32(12, true)];
  const pixels = height * width;
  const expected = HEADER + (n + m) * (1 + pixels);
  if (bytes.length !== expected) fail(`expected ${expected} bytes, got ${bytes.length}`);
  const part = (labelsAt: number, imagesAt: number, count: number): ImageDataset =>
    imageDataset({
      name: source,
      labels: bytes.subarray(labelsAt, labelsAt + count),
      images: bytes.subarray(imagesAt, imagesAt + count * pixels),
      shape: [1, height, width],
      classes: facts.classes,
      mean: facts.mean,
      std: facts.std,
    });
  const images = HEADER + n + m;
  return { train: part(HEADER, images, n), test: part(HEADER + n, images + n * pixels, m) };
}

/** Fetch a shipped data set. `assets`: address of the page's folder. Throws with a one-line message. */
export async function loadShipped(assets: string, source: ShippedSource): Promise<Splits> {
  const { file } = SHIPPED[source];
  const packed = await fetchSource(assets).read(file);
  return parseDigits(await gunzipIfPacked(packed, file, { maxBytes: MOST_BYTES }), source);
}

/** Return the data sets that the site's data.json lists. Requesting an absent file would log an error in the console. */
export async function shippedSources(assets: string): Promise<ShippedSource[]> {
  const names: unknown = JSON.parse(new TextDecoder().decode(await fetchSource(assets).read("data.json")));
  const known = Object.keys(SHIPPED) as ShippedSource[];
  return Array.isArray(names) ? known.filter((name) => names.includes(name)) : [];
}
