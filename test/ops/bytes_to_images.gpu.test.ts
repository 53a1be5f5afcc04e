import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { normalisationTable } from "../../src/data/index.ts";
import { type BytesToImagesOptions, bytesToImages, expectCrops } from "../../src/ops/bytes_to_images.ts";
import { metaTensor, Scope, tensor } from "../../src/tensor/index.ts";
import { randomInts } from "../support/random.ts";

interface Case extends BytesToImagesOptions {
  /** [n, 4], or null. */
  readonly crop: readonly (readonly [number, number, number])[] | null;
}

const placesOf = ({ crop }: Case) => crop && Int32Array.from(crop.flatMap((p) => [...p, 0]));

const tableOf = (c: number) =>
  normalisationTable({
    shape: [c, 1, 1],
    mean: [0.485, 0.456, 0.406].slice(0, c),
    std: [0.229, 0.224, 0.225].slice(0, c),
  });

/** The definition, a value at a time. */
function reference(bytes: Uint8Array, table: Float32Array, { shape: [n, c, h, w], stored: [H, W], crop }: Case) {
  const y = new Float32Array(n * c * h * w);
  let at = 0;
  for (let i = 0; i < n; i++) {
    const [top, left, mirrored] = crop?.[i] ?? [0, 0, 0];
    for (let channel = 0; channel < c; channel++) {
      for (let row = 0; row < h; row++) {
        for (let col = 0; col < w; col++) {
          const from = left + (mirrored ? w - 1 - col : col);
          const outside = top + row < 0 || top + row >= H || from < 0 || from >= W;
          const byte = outside ? 0 : bytes[((i * c + channel) * H + top + row) * W + from]!;
          y[at++] = table[channel * 256 + byte]!;
        }
      }
    }
  }
  return y;
}

/** Bytes four to a word, the last word filled with ones that must not be seen. */
function words(bytes: Uint8Array): Uint32Array {
  const whole = new Uint8Array(Math.ceil(bytes.length / 4) * 4).fill(255);
  whole.set(bytes);
  return new Uint32Array(whole.buffer);
}

async function check(all: Case): Promise<void> {
  using _scope = new Scope();
  const [n, c] = all.shape;
  const bytes = Uint8Array.from(randomInts(n * c * all.stored[0] * all.stored[1], 256, 3));
  const table = tableOf(c);
  const crops = placesOf(all);
  if (crops) expectCrops("test", crops, all);
  const crop = crops && tensor(crops, [n, 4]);
  const y = bytesToImages(tensor(words(bytes)), crop, tensor(table, [c, 256]), {
    shape: all.shape,
    stored: all.stored,
    pad: all.pad,
  });
  expect(y.shape).toEqual(all.shape);
  expect(await y.data()).toEqual(reference(bytes, table, all));
}

// Few sizes of a result, as each compiles a shader; the stored size is any.
const batch = fc.record({
  n: fc.integer({ min: 1, max: 5 }),
  c: fc.constantFrom(1, 3),
  h: fc.constantFrom(1, 5),
  w: fc.constantFrom(1, 7, 8),
});

describe("the plain definition, to the last bit", () => {
  test("whole images of any size", async () => {
    await fc.assert(
      fc.asyncProperty(batch, ({ n, c, h, w }) => check({ shape: [n, c, h, w], stored: [h, w], crop: null })),
      { numRuns: 20, seed: 1 },
    );
  });

  test("any size cut out of any, anywhere, mirrored or not", async () => {
    const margin = fc.integer({ min: 0, max: 6 });
    const cases = fc.record({ of: batch, down: margin, right: margin }).chain(({ of: { n, c, h, w }, down, right }) =>
      fc.record({
        shape: fc.constant([n, c, h, w] as const),
        stored: fc.constant([h + down, w + right] as const),
        crop: fc.array(
          fc.tuple(
            fc.integer({ min: 0, max: down }),
            fc.integer({ min: 0, max: right }),
            fc.integer({ min: 0, max: 1 }),
          ),
          { minLength: n, maxLength: n },
        ),
      }),
    );
    await fc.assert(fc.asyncProperty(cases, check), { numRuns: 40, seed: 1 });
  });

  // Widths that are multiples of four, and not; each begins at every byte of a word.
  test.each([
    [3, 8, 8],
    [1, 8, 7],
    [3, 5, 12],
    [3, 3, 5],
  ])("%i channels of %ix%i at every border, both ways round", async (c, h, w) => {
    const crop = [0, 1].flatMap((mirrored) =>
      [0, 1, 2, 3, 4].flatMap((left) => [0, 3].map((top) => [top, left, mirrored] as const)),
    );
    await check({ shape: [crop.length, c, h, w], stored: [h + 3, w + 4], crop });
  });
});

// torchvision's RandomCrop(size, padding): borders of 0, which are normalised like any byte.
describe("crops that reach beyond the images", () => {
  test("any crop of any image, padded by any width", async () => {
    const cases = fc.record({ of: batch, pad: fc.integer({ min: 1, max: 9 }) }).chain(({ of: { n, c, h, w }, pad }) => {
      const offset = (spare: number) => fc.integer({ min: -pad, max: spare + pad });
      return fc.record({
        shape: fc.constant([n, c, h, w] as const),
        stored: fc.constant([h + 1, w + 2] as const),
        pad: fc.constant(pad),
        crop: fc.array(fc.tuple(offset(1), offset(2), fc.integer({ min: 0, max: 1 })), { minLength: n, maxLength: n }),
      });
    });
    await fc.assert(fc.asyncProperty(cases, check), { numRuns: 40, seed: 2 });
  });

  test("an image of CIFAR at every corner, both ways round", async () => {
    const sides = [-4, -1, 0, 3, 4];
    const crop = sides.flatMap((top) => sides.flatMap((left) => [0, 1].map((m) => [top, left, m] as const)));
    await check({ shape: [crop.length, 3, 32, 32], stored: [32, 32], pad: 4, crop });
  });
});

test("more than one row of workgroups' worth of values", async () => {
  await check({ shape: [2, 3, 60, 64], stored: [60, 64], crop: null });
});

test("shapes and errors", () => {
  const image = { shape: [2, 3, 4, 5], stored: [6, 8] } as const;
  const bytes = metaTensor([72], "u32");
  const crop = metaTensor([2, 4], "i32");
  const table = metaTensor([3, 256]);
  expect(bytesToImages(bytes, crop, table, image).shape).toEqual([2, 3, 4, 5]);
  const fails = (what: string, run: () => void) => expect(run).toThrow(`bytesToImages: ${what}`);
  fails("stored: expected 4x5, since no crops are given, got 6x8", () => bytesToImages(bytes, null, table, image));
  fails("stored: expected at least 4x5, got 3x8", () =>
    bytesToImages(bytes, crop, table, { ...image, stored: [3, 8] }),
  );
  fails("expected 72 u32 for the bytes of [2,3,6,8]", () => bytesToImages(metaTensor([71], "u32"), crop, table, image));
  fails("expected 72 u32 for the bytes of [2,3,6,8]", () => bytesToImages(metaTensor([72]), crop, table, image));
  fails("crop: expected [2,4] i32", () => bytesToImages(bytes, metaTensor([3, 4], "i32"), table, image));
  fails("table: expected [3,256] f32", () => bytesToImages(bytes, crop, metaTensor([1, 256]), image));
  fails("shape: expected [n, c, h, w], got [2,3,4,0]", () =>
    bytesToImages(bytes, crop, table, { ...image, shape: [2, 3, 4, 0] }),
  );
  fails("stored: expected [h, w], got [6,1.5]", () =>
    bytesToImages(bytes, crop, table, { ...image, stored: [6, 1.5] }),
  );
  fails("pad: expected 0, since no crops are given, got 2", () =>
    bytesToImages(bytes, null, table, { ...image, pad: 2 }),
  );
  fails("pad: expected an integer >= 0, got 0.5", () => bytesToImages(bytes, crop, table, { ...image, pad: 0.5 }));
  fails("stored: expected at least 9x5, got 6x8, padded by 1", () =>
    bytesToImages(bytes, crop, table, { ...image, shape: [2, 3, 9, 5], pad: 1 }),
  );
  fails("expected fewer than 2^32 bytes", () =>
    bytesToImages(bytes, crop, table, { shape: [2 ** 14, 3, 4, 5], stored: [512, 512] }),
  );
});

test("a crop beyond the edges is named with its image and numbers", () => {
  const image = { shape: [2, 1, 4, 5], stored: [6, 8] } as const;
  const at = (...second: number[]) => Int32Array.from([2, 3, 1, 0, ...second]);
  expect(() => expectCrops("train", at(0, 0, 0, 0), image)).not.toThrow();
  const wanted = "train: crop of image 1: expected [0..2, 0..3, 0 or 1, 0] to cut 4x5 out of 6x8, got ";
  for (const bad of [
    [3, 0, 0, 0],
    [-1, 0, 0, 0],
    [0, 4, 0, 0],
    [0, -1, 0, 0],
    [0, 0, 2, 0],
    [0, 0, -1, 0],
    [0, 0, 0, 1],
  ]) {
    expect(() => expectCrops("train", at(...bad), image)).toThrow(`${wanted}[${bad.join(", ")}]`);
  }
  const padded = { ...image, pad: 2 };
  expect(() => expectCrops("train", at(-2, 5, 0, 0), padded)).not.toThrow();
  expect(() => expectCrops("train", at(-3, 0, 0, 0), padded)).toThrow(
    "train: crop of image 1: expected [-2..4, -2..5, 0 or 1, 0] to cut 4x5 out of 6x8, padded by 2, got [-3, 0, 0, 0]",
  );
  expect(() => expectCrops("train", at(0, 6, 0, 0), padded)).toThrow("got [0, 6, 0, 0]");
  expect(() => expectCrops("train", at(), image)).toThrow("train: expected 8 numbers for the crops of 2 images, got 4");
});
