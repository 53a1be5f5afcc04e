import fc from "fast-check";
import { expect, test } from "vitest";
import { normalisationTable } from "../../src/data/dataset.ts";
import { DataError } from "../../src/data/errors.ts";
import { DataLoader } from "../../src/data/loader.ts";
import type { ImageBatch } from "../../src/data/stream.ts";
import { augmentImage, composeTransforms, randomCrop, randomHorizontalFlip } from "../../src/data/transforms.ts";
import { nextTurn } from "../../src/data/turn.ts";
import { collect, toyDataset } from "./fixtures.ts";

const transform = composeTransforms(randomCrop(1), randomHorizontalFlip());
const size = fc.integer({ min: 1, max: 12 });
const count = fc.integer({ min: 1, max: 40 });

test("batches hold the bytes of the images, their labels and sizes", async () => {
  const dataset = toyDataset(7, [2, 3, 4]);
  const batches = await collect({ dataset, batchSize: 3 });
  expect(batches.map(({ size, stored, batch }) => [size, stored, batch])).toEqual([
    [3, [3, 4], 0],
    [3, [3, 4], 1],
    [1, [3, 4], 2],
  ]);
  const x = batches.flatMap((batch) => [...batch.x]);
  expect(x).toEqual([...dataset.images]);
  expect(batches.flatMap((batch) => [...batch.y])).toEqual([...dataset.labels]);
  expect(batches.flatMap((batch) => [...batch.indices])).toEqual([0, 1, 2, 3, 4, 5, 6]);
});

test("yields every image once an epoch, in an order that depends on seed and epoch alone", async () => {
  await fc.assert(
    fc.asyncProperty(count, size, fc.nat(), fc.nat(), fc.nat(4), async (n, batchSize, seed, epoch, prefetch) => {
      const dataset = toyDataset(n);
      const order = async (size: number, ahead: number) =>
        (await collect({ dataset, batchSize: size, shuffle: true, seed, epoch, prefetch: ahead })).flatMap((batch) => [
          ...batch.indices,
        ]);
      const indices = await order(batchSize, prefetch);
      expect([...indices].sort((a, b) => a - b)).toEqual([...Array(n).keys()]);
      expect(await order(n, 0)).toEqual(indices);
    }),
    { numRuns: 50 },
  );
});

test("gives the same batches when resumed at batch k", async () => {
  await fc.assert(
    fc.asyncProperty(count, size, fc.nat(), fc.boolean(), fc.nat(100), async (n, batchSize, seed, dropLast, pick) => {
      const options = {
        dataset: toyDataset(n),
        batchSize: Math.min(batchSize, n),
        shuffle: true,
        seed,
        dropLast,
        transform,
      };
      const all = await collect({ ...options, epoch: 3 });
      const startBatch = pick % (all.length + 1);
      expect(await collect({ ...options, epoch: 3, startBatch })).toEqual(all.slice(startBatch));
      const resumed: ImageBatch[] = [];
      for await (const batch of new DataLoader(options).at(3, startBatch)) resumed.push(batch);
      expect(resumed).toEqual(all.slice(startBatch));
    }),
    { numRuns: 50 },
  );
});

test("augments as augmentImage does, independent of the batch size", async () => {
  const dataset = toyDataset(20, [1, 6, 6]);
  const byImage = async (batchSize: number, prefetch: number) => {
    const images = new Map<number, string>();
    for (const batch of await collect({ dataset, batchSize, shuffle: true, seed: 9, epoch: 2, transform, prefetch })) {
      batch.indices.forEach((index, i) => {
        images.set(index, batch.x.subarray(i * 36, (i + 1) * 36).join());
      });
    }
    return images;
  };
  const want = await byImage(20, 0);
  for (const batchSize of [1, 3, 7]) expect(await byImage(batchSize, 3)).toEqual(want);
  for (const [index, text] of want) {
    const image = dataset.images.subarray(index * 36, (index + 1) * 36);
    const out = augmentImage(transform, image, dataset.shape, { seed: 9, epoch: 2, index });
    expect(out.join()).toBe(text);
  }
});

test("dropLast skips the short batch", async () => {
  const dataset = toyDataset(10);
  expect(new DataLoader({ dataset, batchSize: 4 }).length).toBe(3);
  const loader = new DataLoader({ dataset, batchSize: 4, dropLast: true });
  expect(loader.length).toBe(2);
  expect((await collect({ dataset, batchSize: 4, dropLast: true })).map((batch) => batch.size)).toEqual([4, 4]);
});

test("prepares at most `prefetch` batches while the consumer is busy", async () => {
  for (const prefetch of [0, 1, 3]) {
    let prepared = 0;
    const counting = {
      name: "count",
      steps: [
        (image: Uint8Array, out: Uint8Array) => {
          prepared++;
          out.set(image);
        },
      ],
    };
    let taken = 0;
    for await (const _ of new DataLoader({ dataset: toyDataset(8), batchSize: 1, transform: counting, prefetch })) {
      taken++;
      for (let turn = 0; turn < 8; turn++) await nextTurn();
      expect(prepared).toBe(Math.min(8, taken + prefetch));
    }
    expect(taken).toBe(8);
  }
});

test("stops preparing batches when the loop is left", async () => {
  let prepared = 0;
  const step = (image: Uint8Array, out: Uint8Array) => {
    prepared++;
    out.set(image);
  };
  const dataset = toyDataset(100);
  for await (const _ of new DataLoader({ dataset, batchSize: 1, transform: { name: "t", steps: [step] } })) break;
  for (let turn = 0; turn < 8; turn++) await nextTurn();
  expect(prepared).toBe(1);
});

test("yields to the event loop although the consumer never waits", async () => {
  let turns = 0;
  let going = true;
  const count = async () => {
    while (going) {
      await nextTurn();
      turns++;
    }
  };
  const counting = count();
  for await (const _ of new DataLoader({ dataset: toyDataset(6), batchSize: 1, prefetch: 0 })) {
    const until = performance.now() + 12;
    while (performance.now() < until);
  }
  going = false;
  await counting;
  expect(turns).toBeGreaterThanOrEqual(4);
});

test("throws the error of a transform at its batch, prepared in advance or not", async () => {
  for (const prefetch of [0, 2]) {
    const fault = new Error("broken image");
    const step = (image: Uint8Array, out: Uint8Array) => {
      if (image[0] === dataset.images[3 * 20]) throw fault;
      out.set(image);
    };
    const dataset = toyDataset(6);
    const seen: number[] = [];
    const run = async () => {
      const loader = new DataLoader({ dataset, batchSize: 1, transform: { name: "t", steps: [step] }, prefetch });
      for await (const batch of loader) {
        seen.push(batch.batch);
        await nextTurn();
        await nextTurn();
      }
    };
    await expect(run()).rejects.toBe(fault);
    expect(seen).toEqual([0, 1, 2]);
  }
});

test("reuses arrays only after they were recycled", async () => {
  const dataset = toyDataset(10);
  const kept = await collect({ dataset, batchSize: 2 });
  expect(new Set(kept.map((batch) => batch.x.buffer)).size).toBe(5);

  const loader = new DataLoader({ dataset, batchSize: 2, prefetch: 0 });
  const buffers = new Set<ArrayBuffer>();
  let k = 0;
  for await (const batch of loader) {
    expect(batch.x).toEqual(kept[k]!.x);
    expect(batch.y).toEqual(kept[k++]!.y);
    buffers.add(batch.x.buffer);
    loader.recycle(batch);
    loader.recycle(batch);
    loader.recycle(kept[0]!); // not of this loader: left alone
  }
  expect(buffers.size).toBe(1);
});

test("allows two iterations of one loader at a time", async () => {
  const loader = new DataLoader({ dataset: toyDataset(9), batchSize: 2, shuffle: true, transform });
  const want = await collect(loader.options);
  const take = async () => {
    const got: ImageBatch[] = [];
    for await (const batch of loader) {
      got.push(batch);
      await nextTurn();
    }
    return got;
  };
  const [a, b] = await Promise.all([take(), take()]);
  expect(a).toEqual(want);
  expect(b).toEqual(want);
});

test("refuses options out of range by name", () => {
  const dataset = toyDataset(4);
  const refusal = (options: object) => {
    try {
      new DataLoader({ dataset, batchSize: 2, ...options });
    } catch (error) {
      expect(error).toBeInstanceOf(DataError);
      return (error as Error).message;
    }
    throw new Error("was accepted");
  };
  expect(refusal({ batchSize: 0 })).toBe("DataLoader: batchSize: expected an integer >= 1, got 0");
  expect(refusal({ seed: -1 })).toContain("DataLoader: seed: expected an integer in 0..4294967295");
  expect(refusal({ epoch: 0.5 })).toContain("DataLoader: epoch");
  expect(refusal({ prefetch: -1 })).toContain("DataLoader: prefetch");
  expect(refusal({ startBatch: 3 })).toBe("DataLoader: startBatch: expected an integer in 0..2, got 3");
  expect(refusal({ batchSize: "2" })).toBe('DataLoader: batchSize: expected an integer >= 1, got "2"');
  expect(refusal({ shuffle: "yes" })).toBe("DataLoader: shuffle: expected true or false, got string");
  expect(refusal({ dropLast: 1 })).toBe("DataLoader: dropLast: expected true or false, got number");
  expect(refusal({ collate: 3 })).toBe("DataLoader: collate: expected a function of a batch, got number");
  expect(refusal({ dataset: [[1]] })).toBe("DataLoader: dataset: expected a data set, got a list");
  expect(refusal({ dataset: { x: [1], y: [1] } })).toContain("got object: make it with arrayDataset({ x, y })");
  expect(refusal({ batchSize: 5, dropLast: true })).toContain("4 images of toy make no full batch of 5");
});

test("normalised values are (byte / 255 - mean) / std, rounded once", () => {
  const dataset = toyDataset(1, [2, 3, 4]);
  const table = normalisationTable(dataset);
  for (let i = 0; i < 512; i++) {
    const [c, byte] = [Math.floor(i / 256), i % 256];
    expect(table[i]).toBe(Math.fround((byte / 255 - dataset.mean[c]!) / dataset.std[c]!));
  }
});

test("the table of a data set has a row of 256 per channel, and needs mean and std of each", () => {
  const table = normalisationTable({ shape: [2, 9, 9], mean: [0, 0.5], std: [1, 0.25] });
  expect(table).toHaveLength(512);
  expect([table[0], table[51], table[255]]).toEqual([0, Math.fround(0.2), 1]);
  expect([table[256], table[256 + 51], table[511]]).toEqual([-2, Math.fround((51 / 255 - 0.5) / 0.25), 2]);
  expect(() => normalisationTable({ shape: [3, 1, 1], mean: [0.5], std: [1, 1, 1] })).toThrow(
    "normalisation: mean and std: expected 3 values each, got 1 and 3",
  );
});
