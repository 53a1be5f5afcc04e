// Encoded images as a data set: order, augmentation and replacement depend only on (seed, epoch, batch).
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import type { ImageBatch } from "../../src/data/index.ts";
import { type DecodedOptions, decodedDataset } from "../../src/images/decoded_dataset.ts";
import type { EncodedSource, ImageError } from "../../src/images/encoded_source.ts";
import { HeldOriginals } from "../../src/images/held_images.ts";
import { collect, epoch, noisy, sourceOf } from "./files.ts";

const images = await Promise.all(Array.from({ length: 11 }, (_, i) => noisy(i, 36 + i, 52 - i)));
const grey = await sharp(await noisy(3, 30, 50))
  .greyscale()
  .jpeg()
  .toBuffer();
const clear = await sharp(await noisy(4, 44, 31))
  .ensureAlpha(0.5)
  .png()
  .toBuffer();
const deep = await sharp(await noisy(5, 33, 40))
  .toColourspace("rgb16")
  .png()
  .toBuffer();
const cmyk = await sharp(await noisy(6, 33, 40))
  .toColourspace("cmyk")
  .jpeg()
  .toBuffer();
const kinds = [...images.slice(0, 5), grey, clear, deep, cmyk];
const garbage = new Uint8Array(100).fill(1);
const bad = (...at: readonly number[]) => sourceOf(images.map((image, i) => (at.includes(i) ? garbage : image)));
const small: DecodedOptions = { size: 24, resize: 28 };
const strip = (batches: readonly ImageBatch[]) => batches.map(({ x, y, indices }) => [x, y, indices]);

describe("an epoch", () => {
  test("holds every image once, with its label, in batches of the requested size", async () => {
    const dataset = decodedDataset(sourceOf(images), small);
    const batches = await collect(dataset, epoch());
    expect(batches.map(({ size, batch, stored }) => [size, batch, ...stored])).toEqual([
      [4, 0, 24, 24],
      [4, 1, 24, 24],
      [3, 2, 24, 24],
    ]);
    const order = batches.flatMap(({ indices }) => [...indices]);
    expect([...order].sort((a, b) => a - b)).toEqual(images.map((_, i) => i));
    expect(batches.flatMap(({ y }) => [...y])).toEqual(order.map((i) => i % 3));
    expect(batches.every((b) => b.crop === undefined && b.x.length === b.size * 3 * 24 * 24)).toBe(true);
    expect(order).not.toEqual(images.map((_, i) => i));
    await dataset.close();
  });

  test("is the same for any number of workers and prefetched batches, with every augmentation", async () => {
    const colorJitter = { brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1 };
    const run = (options: DecodedOptions) =>
      collect(decodedDataset(sourceOf(images), { ...small, colorJitter, ...options }), epoch({ epoch: 3 }));
    const first = strip(await run({ workers: 1, prefetch: 0 }));
    expect(strip(await run({ workers: 7, prefetch: 3 }))).toEqual(first);
    expect(strip(await run({ workers: 2, prefetch: 1 }))).toEqual(first);
  });

  test("is the same when resumed at batch k", async () => {
    const dataset = decodedDataset(sourceOf(images), small);
    const all = strip(await collect(dataset, epoch()));
    expect(strip(await collect(dataset, epoch({ startBatch: 1 })))).toEqual(all.slice(1));
    expect(await collect(dataset, epoch({ startBatch: 3 }))).toEqual([]);
    expect(dataset.batches(epoch({ startBatch: 3 })).length).toBe(3);
    expect(() => dataset.batches(epoch({ startBatch: 4 }))).toThrow(/startBatch: expected an integer in 0..3, got 4/);
  });

  test("has other crops for another epoch or seed, and fixed ones for evaluation", async () => {
    const dataset = decodedDataset(sourceOf(images), small);
    const of = async (options: Parameters<typeof epoch>[0]) => {
      const found = new Map<number, Uint8Array>();
      for (const { x, indices, size } of await collect(dataset, epoch(options))) {
        for (let i = 0; i < size; i++) found.set(indices[i]!, x.slice(i * 1728, (i + 1) * 1728));
      }
      return found;
    };
    const here = await of({});
    expect((await of({ epoch: 1 })).get(0)).not.toEqual(here.get(0));
    expect((await of({ seed: 2 })).get(0)).not.toEqual(here.get(0));
    expect((await of({ batchSize: 7 })).get(0)).toEqual(here.get(0));
    const fixed = await of({ training: false });
    expect([...fixed.keys()]).toEqual(images.map((_, i) => i));
    expect(await of({ training: false, seed: 9, epoch: 5 })).toEqual(fixed);
  });
});

describe("corrupt images", () => {
  test("end the run with their name, in their batch", async () => {
    const dataset = decodedDataset(bad(5), small);
    const seen: number[] = [];
    const run = async () => {
      for await (const { batch } of dataset.batches(epoch({ training: false }))) seen.push(batch);
    };
    await expect(run()).rejects.toThrow(/^held: image 5: not an image/);
    expect(seen).toEqual([0]);
    await dataset.close();
  });

  test("are replaced by the next in the order on request, counted and named once", async () => {
    const told: string[] = [];
    const onBad = ({ key, fault }: ImageError, count: number) => told.push(`${count} ${key} ${fault.slice(0, 12)}`);
    const dataset = decodedDataset(bad(3, 4, 10), { ...small, skipBad: 3, onBad });
    const batches = await collect(dataset, epoch({ training: false }));
    expect(batches.map(({ indices }) => [...indices])).toEqual([
      [0, 1, 2, 5],
      [5, 5, 6, 7],
      [8, 9, 0],
    ]);
    expect(batches.flatMap(({ y }) => [...y])).toEqual([0, 1, 2, 2, 2, 2, 0, 1, 2, 0, 0]);
    expect(told).toEqual(["1 image 3 not an image", "2 image 4 not an image", "3 image 10 not an image"]);
    expect(dataset.badImages).toBe(3);
    expect(strip(await collect(dataset, epoch({ training: false, startBatch: 1 })))).toEqual(strip(batches).slice(1));
    expect(told).toHaveLength(3);
  });

  test("are replaced in the same way for any number of workers", async () => {
    const run = (workers: number) => collect(decodedDataset(bad(2, 7), { ...small, workers, skipBad: 2 }), epoch());
    const one = strip(await run(1));
    expect(one.flatMap(([, , indices]) => [...(indices as Uint32Array)])).not.toContain(7);
    expect(strip(await run(6))).toEqual(one);
  });

  test("beyond the limit end the run", async () => {
    const dataset = decodedDataset(bad(1, 6), { ...small, skipBad: 1 });
    await expect(collect(dataset, epoch({ training: false }))).rejects.toThrow(
      /held: image 6: not an image.*; more than the 1 corrupt images allowed/,
    );
  });

  test("are not confused with a source that fails", async () => {
    const broken: EncodedSource = {
      ...sourceOf(images),
      read: async () => Promise.reject(new Error("the disk is gone")),
    };
    await expect(collect(decodedDataset(broken, { ...small, skipBad: 9 }), epoch())).rejects.toThrow(
      "the disk is gone",
    );
  });
});

describe("bounds", () => {
  /** A source that counts its readers. */
  function counted() {
    const counts = { now: 0, most: 0, all: 0 };
    const source: EncodedSource = {
      ...sourceOf(Array.from({ length: 60 }, (_, i) => images[i % images.length] as Uint8Array)),
      async read(i) {
        counts.all++;
        counts.most = Math.max(counts.most, ++counts.now);
        await new Promise((resolve) => setTimeout(resolve, 1));
        counts.now--;
        return images[i % images.length] as Uint8Array;
      },
    };
    return { counts, source };
  }

  test("ends all reads after the loop, and prefetches no more than requested", async () => {
    const { counts, source } = counted();
    const dataset = decodedDataset(source, { ...small, workers: 3, prefetch: 2 });
    for await (const batch of dataset.batches(epoch())) if (batch.batch === 1) break;
    expect(counts.most).toBeLessThanOrEqual(3);
    expect(counts.all).toBeLessThanOrEqual(4 * 4);
    const { all } = counts;
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect([counts.now, counts.all]).toEqual([0, all]);
  });

  test("reuses returned arrays: memory does not grow with the epoch", async () => {
    const { source } = counted();
    const dataset = decodedDataset(source, { ...small, prefetch: 2 });
    await collect(dataset, epoch());
    const perBatch = 4 * (3 * 24 * 24 + 4 + 16);
    expect(dataset.bytesMade).toBeLessThanOrEqual(4 * perBatch);
    const made = dataset.bytesMade;
    for (let e = 1; e < 4; e++) await collect(dataset, epoch({ epoch: e }));
    expect(dataset.bytesMade).toBe(made);
  });

  test("does not write to arrays that were not returned", async () => {
    const dataset = decodedDataset(sourceOf(images), small);
    const kept: ImageBatch[] = [];
    for await (const batch of dataset.batches(epoch())) kept.push(batch);
    expect(strip(kept)).toEqual(strip(await collect(dataset, epoch())));
  });

  test("ends a loop with an error on closing, also from within", async () => {
    const dataset = decodedDataset(sourceOf(images), small);
    const run = async () => {
      for await (const batch of dataset.batches(epoch())) if (batch.batch === 0) await dataset.close();
    };
    await expect(run()).rejects.toThrow(/held: the data set was closed/);
    await expect(collect(dataset, epoch())).rejects.toThrow(/held: the data set was closed/);
  });

  test("names options out of range", () => {
    const of = (options: DecodedOptions) => () => decodedDataset(sourceOf(images), options);
    expect(of({ size: 0 })).toThrow(/held: size: expected an integer in 1..16384, got 0/);
    expect(of({ flip: 2 })).toThrow(/flip: expected a number in \[0, 1\], got 2/);
    expect(of({ skipBad: -1 })).toThrow(/skipBad: expected/);
    expect(of({ workers: 0 })).toThrow(/workers: expected/);
    expect(of({ mean: [1] })).toThrow(/expected three mean, and three std > 0, got \[1\]/);
    expect(of({ scale: [0, 1] })).toThrow(/scale: expected/);
    expect(of({ colorJitter: { hue: 2 } })).toThrow(/hue: expected/);
  });
});

describe("padded crops", () => {
  test("batches hold the images of evaluation, and crops for the GPU", async () => {
    const dataset = decodedDataset(sourceOf(images), { size: 24, pad: 3 });
    const [whole] = await collect(dataset, epoch({ training: false, batchSize: 11 }));
    expect(whole!.crop).toBeUndefined();
    const crops: number[][] = [];
    for (let e = 0; e < 30; e++) {
      for (const { x, indices, crop, pad, size } of await collect(dataset, epoch({ epoch: e }))) {
        expect(pad).toBe(3);
        for (let i = 0; i < size; i++) {
          const at = indices[i]!;
          expect(x.subarray(i * 1728, (i + 1) * 1728)).toEqual(whole!.x.subarray(at * 1728, (at + 1) * 1728));
          crops.push([...crop!.subarray(4 * i, 4 * i + 4)]);
        }
      }
    }
    for (const side of [0, 1]) expect(new Set(crops.map((p) => p[side]))).toEqual(new Set([-3, -2, -1, 0, 1, 2, 3]));
    expect(Math.abs(crops.filter((p) => p[2] === 1).length / crops.length - 0.5)).toBeLessThan(0.11);
    // The shorter side becomes the size, and nothing else is cut off.
    const [same] = await collect(
      decodedDataset(sourceOf(images), { size: 24, resize: 24 }),
      epoch({ training: false }),
    );
    expect(whole!.x.subarray(0, 4 * 1728)).toEqual(same!.x);
    await dataset.close();
  });

  test("exclude the settings of other crops", () => {
    const of = (options: DecodedOptions) => () => decodedDataset(sourceOf(images), { pad: 2, ...options });
    expect(of({ scale: [0.5, 1] })).toThrow("scale: expected nothing, since pad is 2");
    expect(of({ colorJitter: { hue: 0.1 } })).toThrow("colorJitter: expected nothing, since pad is 2");
    expect(of({ pad: -1 })).toThrow(/pad: expected an integer in 0..65535, got -1/);
  });
});

describe("images in memory", () => {
  /** A source that counts the reads of each image. */
  function counting(files: readonly Uint8Array[]) {
    const reads = files.map(() => 0);
    const source: EncodedSource = {
      ...sourceOf(files),
      async read(i) {
        reads[i]!++;
        return files[i]!;
      },
    };
    return { source, reads };
  }

  test.each([
    ["resized crops", { size: 24 }],
    ["enlarged", { size: 60 }],
    ["exact", { size: 24, exact: true }],
    ["padded crops", { size: 24, pad: 3 }],
  ] as const)("%s: the same bytes as decoded in each epoch, for any kind of image", async (_, options) => {
    const held = decodedDataset(sourceOf(kinds), options);
    const read = decodedDataset(sourceOf(kinds), { ...options, memory: 0 });
    for (const at of [epoch(), epoch({ epoch: 1 }), epoch({ epoch: 2 }), epoch({ training: false })])
      expect(await collect(held, at)).toEqual(await collect(read, at));
  });

  test("each is read once if all fit, and in each epoch if they do not", async () => {
    for (const options of [{ size: 24 }, { size: 24, pad: 3 }]) {
      const { source, reads } = counting(images);
      const dataset = decodedDataset(source, options);
      for (let e = 0; e < 3; e++) await collect(dataset, epoch({ epoch: e }));
      expect(reads).toEqual(images.map(() => 1));
      const large = counting(images);
      const other = decodedDataset(large.source, { ...options, memory: 1728 * 11 - 1 });
      for (let e = 0; e < 3; e++) await collect(other, epoch({ epoch: e }));
      expect(large.reads).toEqual(images.map(() => 3));
    }
  });

  test("images of many sizes are held by their mean size, and dropped once it says that not all fit", () => {
    const of = (bytes: number) => ({ data: new Uint8Array(bytes), height: 1, width: bytes, channels: 1 });
    const all = new HeldOriginals(100, 1000);
    for (let i = 0; i < 100; i++) all.store(i, of(10));
    expect([all.stores, all.get(99)?.data.length]).toEqual([true, 10]);
    const dropped = new HeldOriginals(100, 1000);
    for (let i = 0; i < 31; i++) dropped.store(i, of(11));
    expect(dropped.stores).toBe(true);
    dropped.store(31, of(11));
    expect([dropped.stores, dropped.get(0)]).toEqual([false, undefined]);
  });
});
