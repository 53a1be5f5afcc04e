// Bytes of a stream made numbers on the host: the same as a loader gives for the same images in memory.
import fc from "fast-check";
import { expect, test } from "vitest";
import { DataLoader, imageDataset } from "../../src/data/index.ts";
import { numbersOf } from "../../src/train/byte_numbers.ts";
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

test("cut, mirrored and normalised as the images in memory, to the bit", async () => {
  await fc.assert(
    fc.asyncProperty(sizes, async ({ channels, height, width, length, margin, batchSize }) => {
      const dataset = imageDataset({
        name: "made",
        images: Uint8Array.from(randomInts(length * channels * height * width, 256, 7)),
        labels: new Uint8Array(length),
        shape: [channels, height, width],
        classes: ["one"],
        mean: [0.1, 0.5, 0.9].slice(0, channels),
        std: [0.2, 0.3, 0.7].slice(0, channels),
      });
      const stream = fakeStream(dataset, { margin });
      const batches = stream.batches({ batchSize, epoch: 0, seed: 0, startBatch: 0, training: false });
      const expected = new DataLoader({ dataset, batchSize })[Symbol.asyncIterator]();
      for await (const batch of batches) {
        const { x, y, size } = numbersOf(batch, stream.shape, stream);
        const { value: wanted } = await expected.next();
        expect(wanted).toMatchObject({ x, y, size });
      }
      expect((await expected.next()).done).toBe(true);
    }),
    { numRuns: 40 },
  );
});

test("bytes that are not the images they should be are refused", () => {
  const batch = { bytes: new Uint8Array(11), stored: [2, 2] as const, y: new Int32Array(3), size: 3 };
  const scale = { mean: [0], std: [1] };
  expect(() => numbersOf(batch, [1, 2, 2], scale)).toThrow(/3 of \[1,2,2\] stored as 2x2 want 12 bytes.*there are 11/);
  expect(() => numbersOf({ ...batch, bytes: new Uint8Array(12) }, [1, 3, 2], scale)).toThrow(RangeError);
});
