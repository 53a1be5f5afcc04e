// Draws a few images of each class on one PNG, to check that classes match their names.

import { spread } from "../images/index.ts";
import { type LabelledImages, sampleAccess } from "../internal.ts";
import { importPackage } from "../node/packages.ts";
import { FAINT, FONT, INK, rasterize, text } from "./figure.ts";

/** Rows, and images of each part per row. */
const MOST_CLASSES = 20;
const ACROSS = { train: 6, test: 3 } as const;
/** Sizes in units of the figure, at two pixels each. */
const TILE = 44;
const GAP = 3;
const NAMES = 132;
const HEAD = 40;
const PART_GAP = 14;

type Part = keyof typeof ACROSS;
type Parts = Readonly<Record<Part, LabelledImages>>;

/** Return the indices of the first samples of each of these classes. */
function examples(data: LabelledImages, classes: ReadonlySet<number>, most: number): Map<number, number[]> {
  const found = new Map<number, number[]>([...classes].map((c) => [c, []]));
  const label = sampleAccess(data)?.label;
  let open = classes.size;
  for (let i = 0; label && i < data.length && open > 0; i++) {
    const list = found.get(label(i));
    if (!list || list.length === most) continue;
    if (list.push(i) === most) open--;
  }
  return found;
}

/** Convert planes to interleaved red, green and blue. Event frames are summed over time: red = brighter, blue = darker. */
export function colours(pixels: Uint8Array, channels: number, frames: boolean): Uint8Array {
  const plane = pixels.length / channels;
  const at = (c: number, i: number) => pixels[c * plane + i]!;
  const out = new Uint8Array(3 * plane);
  if (!frames) {
    for (let i = 0; i < plane; i++) for (let c = 0; c < 3; c++) out[3 * i + c] = at(channels === 3 ? c : 0, i);
    return out;
  }
  const sums = [new Float32Array(plane), new Float32Array(plane)] as const;
  let most = 1;
  for (let c = 0; c < channels; c++) {
    const sum = sums[c % 2] as Float32Array;
    for (let i = 0; i < plane; i++) {
      sum[i] = sum[i]! + at(c, i);
      most = Math.max(most, sum[i]!);
    }
  }
  for (let i = 0; i < plane; i++) {
    for (const [k, sum] of sums.entries()) out[3 * i + 2 * k] = Math.round((255 * sum[i]!) / most);
  }
  return out;
}

async function tile(data: LabelledImages, i: number): Promise<string | null> {
  const pixels = await sampleAccess(data)
    ?.pixels(i)
    .catch(() => null);
  if (!pixels) return null;
  const [channels, height, width] = data.shape;
  const frames = "timeSteps" in data && data.timeSteps !== undefined;
  const { default: sharp } = await importPackage("sharp", "the sheet of samples needs", () => import("sharp"));
  const side = 2 * TILE;
  const png = await sharp(colours(pixels, channels, frames), { raw: { width, height, channels: 3 } })
    .resize(side, side, { fit: "contain", kernel: width < side ? "nearest" : "lanczos3" })
    .png()
    .toBuffer();
  return png.toString("base64");
}

interface Sheet {
  readonly png: Uint8Array;
  /** Number of classes with a row. */
  readonly classes: number;
}

/** Draw the sheet: a row for each class, or for some of many; first training images, then test images. */
export async function contactSheet(parts: Parts, title: string): Promise<Sheet> {
  const { classes } = parts.train;
  const rows = spread(classes.length, MOST_CLASSES);
  const drawn: string[] = [text(8, 18, title, `font-family="${FONT}" font-size="12" fill="${INK}"`)];
  let left = NAMES;
  for (const part of ["train", "test"] as const) {
    const data = parts[part];
    drawn.push(text(left, HEAD - 6, part, `font-family="${FONT}" font-size="10" fill="${FAINT}"`));
    const found = examples(data, new Set(rows), ACROSS[part]);
    for (const [row, label] of rows.entries()) {
      for (const [k, i] of found.get(label)!.entries()) {
        const image = await tile(data, i);
        const place = `x="${left + k * (TILE + GAP)}" y="${HEAD + row * (TILE + GAP)}" width="${TILE}" height="${TILE}"`;
        drawn.push(
          image
            ? `<image ${place} href="data:image/png;base64,${image}"/>`
            : `<rect ${place} fill="none" stroke="${FAINT}"/>`,
        );
      }
    }
    left += ACROSS[part] * (TILE + GAP) + PART_GAP;
  }
  for (const [row, label] of rows.entries()) {
    const name = classes[label]!.slice(0, 22);
    const y = HEAD + row * (TILE + GAP) + TILE / 2 + 3;
    drawn.push(text(8, y, name, `font-family="${FONT}" font-size="10" fill="${INK}"`));
  }
  const height = HEAD + rows.length * (TILE + GAP) + 8;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${left}" height="${height}">${drawn.join("")}</svg>`;
  return { png: await rasterize(svg), classes: rows.length };
}
