// Reads the input of `espalier predict`: the samples of a .npy array, or image files, batch by batch.
import { stat } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { Slots } from "../images/batches.ts";
import { LARGEST_FILE } from "../images/encoded_source.ts";
import { imagesBelow } from "../images/folder.ts";
import { centralPlan, decodeImage, IMAGENET_MEAN, IMAGENET_STD, resizeFor } from "../images/index.ts";
import { decodeSlots } from "../images/sharp.ts";
import { float32Fault, parseNpy, toFloat32 } from "../internal.ts";
import { readRegular, readRegularSync } from "../node/regular_file.ts";
import { readImageMetadata } from "../recipe/image_metadata.ts";
import { UsageError } from "../terminal/fail.ts";

/** Samples [n, c, h, w], normalised for a network, and a name for each. */
export interface Samples {
  readonly shape: readonly [n: number, c: number, h: number, w: number];
  readonly names: readonly string[];
  /** Values of samples first..first+count-1, [count, c, h, w]. Errors name the file. */
  take(first: number, count: number): Promise<Float32Array>;
  readonly images: boolean;
  /** Lines to print about them. */
  readonly notes: readonly string[];
}

/** Preprocessing of images; absent values are the model file's, or ImageNet's. */
export interface ImageInput {
  /** Side of the central square. */
  readonly size?: number | undefined;
  /** The shorter side before it is cut; default size * 256 / 224. */
  readonly resize?: number | undefined;
  /** Per channel, in units of 1 = 255. */
  readonly mean?: readonly number[] | undefined;
  readonly std?: readonly number[] | undefined;
}

/** `counts`: the network takes integers, such as counts of events. */
function arraySamples(path: string, counts: boolean): Samples {
  let bytes: Uint8Array;
  try {
    bytes = readRegularSync(path);
  } catch (error) {
    throw new UsageError(`cannot read ${path}: ${(error as Error).message}`);
  }
  const array = parseNpy(bytes, path);
  const { shape } = array;
  const fits = (shape.length === 4 || shape.length === 3) && shape.every((n) => n > 0);
  if (!fits) throw new UsageError(`${path}: expected an array [n, c, h, w] or [c, h, w], got [${shape.join(", ")}]`);
  const [n, c, h, w] = (shape.length === 4 ? shape : [1, ...shape]) as [number, number, number, number];
  const fault = float32Fault(array);
  if (fault) throw new UsageError(`${path}: ${fault}`);
  const data = toFloat32(array);
  const values = c * h * w;
  return {
    shape: [n, c, h, w],
    names: Array.from({ length: n }, (_, i) => `${path}[${i}]`),
    take: async (first, count) => data.subarray(first * values, (first + count) * values),
    images: false,
    notes: counts || !/^[IU]/.test(array.dtype) ? [] : [wholeNumbers(path, array.dtype)],
  };
}

const wholeNumbers = (path: string, dtype: string): string =>
  `${path}: expected normalised values, got integers (${dtype}), which are used unchanged`;

/** List image files, including those of folders, in the given order. `notes` receives what is skipped in folders. */
async function imageFiles(inputs: readonly string[], notes: string[]): Promise<string[]> {
  const files: string[] = [];
  for (const input of inputs) {
    const found = await stat(input).catch(() => null);
    if (!found) throw new UsageError(`${input}: no such file or folder`);
    if (!found.isDirectory()) {
      files.push(input);
      continue;
    }
    const { paths, passedOver } = await imagesBelow(input);
    files.push(...paths);
    for (const { what, count, example } of passedOver)
      notes.push(`${input}: skipped ${count} ${what}, such as ${example}`);
  }
  return files;
}

/** Tabulate (byte / 255 - mean) / std for each byte, [3, 256], each step rounded as torchvision's float32. */
function normaliseTable(mean: readonly number[], std: readonly number[]): Float32Array {
  const f = Math.fround;
  return Float32Array.from({ length: 3 * 256 }, (_, i) => {
    const c = i >> 8;
    return f(f(f((i & 255) / 255) - f(mean[c]!)) / f(std[c]!));
  });
}

async function imageSamples(inputs: readonly string[], options: ImageInput): Promise<Samples> {
  const { size = 224, mean = IMAGENET_MEAN, std = IMAGENET_STD } = options;
  const resize = options.resize ?? resizeFor(size);
  const notes: string[] = [];
  const names = await imageFiles(inputs, notes);
  const table = normaliseTable(mean, std);
  const plane = size * size;
  // Bounds the number of decoded images, however large the batch.
  const slots = new Slots(decodeSlots());
  const fill = async (path: string, out: Float32Array) => {
    const bytes = new Uint8Array(3 * plane);
    const plan = (height: number, width: number) => centralPlan(height, width, resize, size);
    const name = { source: dirname(path), key: basename(path) };
    const file = await readRegular(path, LARGEST_FILE).catch((error: Error) => {
      throw new UsageError(`cannot read ${path}: ${error.message}`);
    });
    await decodeImage(name, file, plan, bytes, { exact: true });
    for (let i = 0; i < bytes.length; i++) {
      out[i] = table[Math.floor(i / plane) * 256 + bytes[i]!]!;
    }
  };
  return {
    shape: [names.length, 3, size, size],
    names,
    images: true,
    notes,
    async take(first, count) {
      const data = new Float32Array(count * 3 * plane);
      const failed = new AbortController();
      const each = names.slice(first, first + count);
      const done = await Promise.allSettled(
        each.map((path, i) =>
          slots.run(failed.signal, async () => {
            try {
              await fill(path, data.subarray(i * 3 * plane, (i + 1) * 3 * plane));
            } catch (cause) {
              failed.abort(cause);
              throw cause;
            }
          }),
        ),
      );
      for (const one of done) if (one.status === "rejected") throw one.reason;
      return data;
    },
  };
}

const isArray = (path: string) => path.toLowerCase().endsWith(".npy");

/** Open the samples of one .npy file, or of image files and folders. Errors: UsageError naming the input. */
export async function openSamples(
  inputs: readonly string[],
  options: ImageInput,
  model: { readonly metadata: ReadonlyMap<string, string>; readonly file: string },
): Promise<Samples> {
  const [first] = inputs;
  if (first === undefined) throw new UsageError("--input: expected a .npy file, or images, got nothing");
  const arrays = inputs.filter(isArray);
  if (arrays.length === 0) return imageSamples(inputs, imageInputOf(model.metadata, model.file, options));
  if (arrays.length < inputs.length)
    throw new UsageError(`--input: expected one .npy file or images, got both: ${arrays[0]} is an array`);
  if (arrays.length > 1) throw new UsageError(`--input: expected one .npy file, got ${arrays.length}`);
  const unused = (["size", "resize", "mean", "std"] as const).filter((name) => options[name] !== undefined);
  if (unused.length > 0) {
    const names = unused.map((name) => `--${name}`).join(", ");
    throw new UsageError(`${names}: is for images; the array ${first} is used unchanged`);
  }
  return arraySamples(first, model.metadata.has("time"));
}

const numbers = (value: unknown): value is number[] =>
  Array.isArray(value) && value.length === 3 && value.every((v) => typeof v === "number" && Number.isFinite(v));

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * Choose the preprocessing of images: by the flags, else by the model file, else as for ImageNet. Errors name the file and
 * the key.
 */
function imageInputOf(metadata: ReadonlyMap<string, string>, file: string, asked: ImageInput): ImageInput {
  const trained = metadata.get("input");
  const side = /^(\d+)x(\d+)x(\d+)$/.exec(trained ?? "");
  if (side && side[1] !== "3")
    throw new UsageError(`${file}: its network takes ${trained}, images have three channels; give a .npy array`);
  const { resize } = readImageMetadata(metadata.get("images"), file);
  const square = side && side[2] === side[3] ? Number(side[2]) : undefined;
  // Another size is resized in the same proportion.
  const own = { size: asked.size ?? square, resize: asked.resize ?? (asked.size === undefined ? resize : undefined) };
  const text = metadata.get("normalise");
  if (text === undefined || (asked.mean && asked.std)) return { ...asked, ...own };
  const { mean, std } = (parsed(text) ?? {}) as { mean?: unknown; std?: unknown };
  if (!numbers(mean) || !numbers(std) || !std.every((s) => s > 0)) {
    const problem = `${file}: its metadata "normalise": expected {mean, std} of three numbers; give --mean and --std`;
    throw new UsageError(problem);
  }
  return { ...own, mean: asked.mean ?? mean, std: asked.std ?? std };
}

/** Return the class names of a model file if there are as many as outputs; else null. */
export function classNamesOf(metadata: ReadonlyMap<string, string>, classes: number): readonly string[] | null {
  const names = parsed(metadata.get("classNames") ?? "null");
  const fits = Array.isArray(names) && names.length === classes && names.every((name) => typeof name === "string");
  return fits ? names : null;
}
