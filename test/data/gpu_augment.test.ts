// Crops and flips of the GPU draw what the transforms of the CPU draw, and what torchvision defines.
import fc from "fast-check";
import { expect, test } from "vitest";
import { arrayDataset } from "../../src/data/array_dataset.ts";
import { DataLoader } from "../../src/data/loader.ts";
import type { ImageBatch } from "../../src/data/stream.ts";
import { composeTransforms, type ImageTransform, randomCrop, randomHorizontalFlip } from "../../src/data/transforms.ts";
import { collect, toyDataset } from "./fixtures.ts";

/** Cut image i of a batch out of its bytes, as the GPU does. */
function cut({ x, stored: [h, w], crop }: ImageBatch, i: number, channels: number): number[] {
  const [top, left, mirrored] = crop!.subarray(4 * i);
  const out: number[] = [];
  for (let row = 0; row < channels * h; row++) {
    for (let col = 0; col < w; col++) {
      const from = left! + (mirrored ? w - 1 - col : col);
      const y = top! + (row % h);
      const inside = y >= 0 && y < h && from >= 0 && from < w;
      out.push(inside ? x[(i * channels * h + Math.floor(row / h) * h + y) * w + from]! : 0);
    }
  }
  return out;
}

function transformOf(crop: number, flip: boolean): ImageTransform {
  return composeTransforms(...(crop > 0 ? [randomCrop(crop)] : []), ...(flip ? [randomHorizontalFlip()] : []));
}

test("any crop and flip: the pixels of the transforms of the CPU", async () => {
  const dataset = toyDataset(9, [2, 4, 5]);
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: 6 }),
      fc.boolean(),
      fc.nat(),
      fc.nat(),
      async (crop, flip, seed, epoch) => {
        fc.pre(crop > 0 || flip);
        const order = { dataset, batchSize: 4, shuffle: true, seed, epoch };
        const gpu = await collect({ ...order, gpuAugment: { crop, flip } });
        const cpu = await collect({ ...order, transform: transformOf(crop, flip) });
        expect(gpu.map(({ pad }) => pad)).toEqual([crop, crop, crop]);
        for (const [k, batch] of gpu.entries()) {
          for (let i = 0; i < batch.size; i++)
            expect(cut(batch, i, 2)).toEqual([...cpu[k]!.x.subarray(i * 40, (i + 1) * 40)]);
        }
      },
    ),
    { numRuns: 40 },
  );
});

// RandomCrop(32, padding=4) cuts at one of 9 x 9 offsets, all equally likely; RandomHorizontalFlip mirrors half.
test("all offsets occur equally often, and half of the images are mirrored", async () => {
  const dataset = toyDataset(4050, [1, 1, 1]);
  const [batch] = await collect({ dataset, batchSize: 4050, gpuAugment: { crop: 4, flip: true } });
  const offsets = new Map<string, number>();
  let mirrored = 0;
  for (let i = 0; i < 4050; i++) {
    const [top, left, m] = batch!.crop!.subarray(4 * i);
    offsets.set(`${top} ${left}`, (offsets.get(`${top} ${left}`) ?? 0) + 1);
    mirrored += m!;
  }
  expect(offsets.size).toBe(81);
  // Chi-squared with 80 degrees of freedom: beyond 140 once in 30,000.
  expect([...offsets.values()].reduce((sum, n) => sum + (n - 50) ** 2 / 50, 0)).toBeLessThan(140);
  expect(Math.abs(mirrored - 2025)).toBeLessThan(130); // four deviations of 32
});

test("the same when resumed at batch k, and in arrays that are used again", async () => {
  const options = {
    dataset: toyDataset(11),
    batchSize: 3,
    shuffle: true,
    seed: 5,
    gpuAugment: { crop: 2, flip: true },
  };
  const all = await collect({ ...options, epoch: 2 });
  expect(await collect({ ...options, epoch: 2, startBatch: 2 })).toEqual(all.slice(2));
  const loader = new DataLoader({ ...options, epoch: 2 });
  const crops = new Set<unknown>();
  for await (const batch of loader) {
    expect({ ...batch, x: [...batch.x] }).toEqual({ ...all[batch.batch], x: [...all[batch.batch]!.x] });
    crops.add(batch.crop);
    loader.recycle(batch);
  }
  expect(crops.size).toBeLessThanOrEqual(4);
});

test("settings out of range are errors, as is a second augmentation", () => {
  const dataset = toyDataset(3);
  const of =
    (gpuAugment: object, more: object = {}) =>
    () =>
      new DataLoader({ dataset, batchSize: 1, gpuAugment, ...more });
  expect(of({ crop: -1 })).toThrow("DataLoader: gpuAugment: crop: expected an integer in 0..65535, got -1");
  expect(of({ flip: 0.5 })).toThrow("DataLoader: gpuAugment: flip: expected true or false, got number");
  expect(of({ pad: 4 })).toThrow("DataLoader: gpuAugment: unknown option pad");
  expect(of({ crop: 1 }, { transform: randomCrop(1) })).toThrow("gpuAugment: expected nothing beside transform");
  const arrays = arrayDataset({ x: [[1], [2]], y: [0, 1] });
  expect(() => new DataLoader({ dataset: arrays, batchSize: 1, gpuAugment: { flip: true } })).toThrow(
    "gpuAugment: expected nothing for a data set of arrays",
  );
});
