// Batches of bytes on the GPU: the same images as those of the data set that they were cropped from.
import fc from "fast-check";
import { expect, test } from "vitest";
import { imageDataset, normalisationTable, testBatchesOf } from "../../src/data/index.ts";
import { Scope } from "../../src/tensor/index.ts";
import { BatchInput } from "../../src/train/index.ts";
import { fakeStream } from "../support/fake_stream.ts";
import { randomInts } from "../support/random.ts";

const sizes = fc.record({
  channels: fc.integer({ min: 1, max: 3 }),
  height: fc.integer({ min: 1, max: 6 }),
  width: fc.integer({ min: 1, max: 6 }),
  length: fc.integer({ min: 1, max: 7 }),
  margin: fc.integer({ min: 0, max: 2 }),
  batchSize: fc.integer({ min: 1, max: 4 }),
});

test("crops, mirrors and normalises images of a stream and of memory alike, to the bit", async () => {
  await fc.assert(
    fc.asyncProperty(sizes, async ({ channels, height, width, length, margin, batchSize }) => {
      const pixels = channels * height * width;
      const dataset = imageDataset({
        name: "made",
        images: Uint8Array.from(randomInts(length * pixels, 256, 7)),
        labels: new Uint8Array(length),
        shape: [channels, height, width],
        classes: ["one"],
        mean: [0.1, 0.5, 0.9].slice(0, channels),
        std: [0.2, 0.3, 0.7].slice(0, channels),
      });
      const table = normalisationTable(dataset);
      const channelOf = (i: number) => Math.floor(i / (height * width)) % channels;
      const expected = Float32Array.from(dataset.images, (byte, i) => table[256 * channelOf(i) + byte]!);
      for (const data of [dataset, fakeStream(dataset, { margin })]) {
        using input = new BatchInput({ name: "test", sample: dataset.shape, scale: data });
        let done = 0;
        for await (const batch of testBatchesOf(data, batchSize)) {
          using _scope = new Scope();
          const { x, y } = input.tensors(batch);
          expect([x.shape, y.shape]).toEqual([[batch.size, channels, height, width], [batch.size]]);
          expect(await x.data()).toEqual(expected.subarray(done * pixels, (done + batch.size) * pixels));
          done += batch.size;
        }
        expect(done).toBe(length);
      }
    }),
    { numRuns: 40 },
  );
});

test("refuses bytes whose count or size does not fit the sample", () => {
  const batch = { x: new Uint8Array(11), stored: [2, 2] as const, y: new Int32Array(3), size: 3 };
  const inputFor = (sample: number[]) => new BatchInput({ name: "test", sample, scale: { mean: [0], std: [1] } });
  expect(() => inputFor([1, 2, 2]).check(batch)).toThrow(/3 images \[1,2,2\]: expected 12 bytes.*got 11/);
  const whole = { ...batch, x: new Uint8Array(12) };
  expect(() => inputFor([1, 3, 2]).check(whole)).toThrow("without crops: expected images of 3x2, got 2x2");
  expect(() => inputFor([1, 3, 2]).check({ ...whole, crop: new Int32Array(12) })).toThrow("of image 0");
});
