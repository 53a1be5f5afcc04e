// A folder of real JPEGs made here: ten classes of drawn shapes and textures on noisy grounds, in sizes that vary.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { PhiloxStream } from "../../src/tensor/philox.ts";

const JPEG_CLASSES = [
  "blob",
  "checks",
  "cross",
  "dots",
  "frame",
  "rings",
  "slope",
  "stripes_across",
  "stripes_down",
  "wedge",
] as const;
type JpegClass = (typeof JPEG_CLASSES)[number];

/** Return 1 if a class's figure covers the point (x, y), both in -1..1, else 0. */
const figures: Readonly<Record<JpegClass, (x: number, y: number) => boolean>> = {
  blob: (x, y) => x * x + y * y < 0.3,
  checks: (x, y) => (Math.floor(x * 3) + Math.floor(y * 3)) % 2 === 0,
  cross: (x, y) => Math.abs(x) < 0.18 || Math.abs(y) < 0.18,
  dots: (x, y) => ((x * 3 + 9) % 1) ** 2 + ((y * 3 + 9) % 1) ** 2 < 0.25,
  frame: (x, y) => Math.max(Math.abs(x), Math.abs(y)) > 0.6 && Math.max(Math.abs(x), Math.abs(y)) < 0.85,
  rings: (x, y) => Math.floor(Math.hypot(x, y) * 6) % 2 === 0,
  slope: (x, y) => Math.floor((x + y) * 3 + 12) % 2 === 0,
  stripes_across: (_, y) => Math.floor(y * 4 + 12) % 2 === 0,
  stripes_down: (x) => Math.floor(x * 4 + 12) % 2 === 0,
  wedge: (x, y) => y > Math.abs(x) * 2 - 0.6,
};

/** Pixels of one picture [height, width, 3]: a figure of one colour on another, shifted, scaled and noisy. */
function drawnPixels(name: JpegClass, height: number, width: number, random: PhiloxStream): Uint8Array {
  const figure = figures[name];
  const color = () => [0, 1, 2].map(() => random.nextBelow(256));
  const [ink, ground] = [color(), color()];
  // The figure stands out whatever the colours: light on dark.
  for (let c = 0; c < 3; c++) [ink[c], ground[c]] = [128 + ink[c]! / 2, ground[c]! / 2.5];
  const scale = (0.8 + 0.5 * random.nextFloat()) / (Math.min(height, width) / 2);
  const [dx, dy] = [(random.nextFloat() - 0.5) * 0.4, (random.nextFloat() - 0.5) * 0.4];
  const pixels = new Uint8Array(height * width * 3);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const from = figure((x - width / 2) * scale + dx, (y - height / 2) * scale + dy) ? ink : ground;
      const noise = (Math.imul(i + random.seed + 1, 0x9e3779b9) >>> 26) - 32;
      for (let c = 0; c < 3; c++) pixels[i++] = Math.min(255, Math.max(0, from[c]! + noise));
    }
  }
  return pixels;
}

interface JpegFolderOptions {
  /** Images of each of the ten classes. Default 24. */
  readonly perClass?: number;
  /** Further images of each class in a folder `val`; 0 for no such folder. Default 0. */
  readonly valPerClass?: number;
  readonly seed?: number;
  /** Sides are drawn from here. Default [72, 136]. */
  readonly sides?: readonly [low: number, high: number];
  readonly classes?: readonly JpegClass[];
}

/** The bytes of one JPEG, the same for the same numbers. */
async function drawnJpeg(name: JpegClass, seed: number, index: number, sides: readonly [number, number]) {
  const random = new PhiloxStream(seed, "augment", [JPEG_CLASSES.indexOf(name), index, 9]);
  const side = () => sides[0] + random.nextBelow(sides[1] - sides[0] + 1);
  const [height, width] = [side(), side()];
  const pixels = drawnPixels(name, height, width, random);
  return sharp(pixels, { raw: { width, height, channels: 3 } })
    .jpeg({ quality: 90 })
    .toBuffer();
}

/** Writes `train/<class>/<n>.jpg`, and `val/...` when asked; gives the folder. */
export async function jpegFolder(dir: string, options: JpegFolderOptions = {}): Promise<string> {
  const { perClass = 24, valPerClass = 0, seed = 1, sides = [72, 136], classes = JPEG_CLASSES } = options;
  const parts = [
    { split: "train", count: perClass, first: 0 },
    { split: "val", count: valPerClass, first: 100_000 },
  ].filter(({ count }) => count > 0);
  for (const { split, count, first } of parts) {
    await Promise.all(
      classes.map(async (name) => {
        const folder = join(dir, split, name);
        await mkdir(folder, { recursive: true });
        for (let i = 0; i < count; i++) {
          const file = `${String(i).padStart(4, "0")}.jpg`;
          await writeFile(join(folder, file), await drawnJpeg(name, seed, first + i, sides));
        }
      }),
    );
  }
  return dir;
}
