// Images per second of the loaders: decoded from JPEGs by all cores, and read from shards. Node only.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StreamedDataset } from "../../src/data/index.ts";
import { decodedDataset, openImageFolder, openShards, packShards } from "../../src/images/index.ts";
import { jpegFolder } from "../../test/support/jpeg_folder.ts";
import type { HostCase, HostFigure } from "../lib/case.ts";
import { median } from "../lib/statistics.ts";

/** Photographs of ILSVRC are 400 x 350 at the median; these are about 500 x 375. */
const SIDES = [375, 500] as const;
const PER_CLASS = 20;
const BATCH = 64;
const ROUNDS = 3;

/** Measure the images per second of whole epochs, with each batch recycled at once. The first epoch does not count. */
async function rate(dataset: StreamedDataset, training: boolean): Promise<number> {
  const rates: number[] = [];
  for (let epoch = 0; epoch <= ROUNDS; epoch++) {
    const batches = dataset.batches({ batchSize: BATCH, epoch, seed: 1, startBatch: 0, training });
    const start = performance.now();
    let images = 0;
    for await (const batch of batches) {
      images += batch.size;
      batches.recycle(batch);
    }
    if (epoch > 0) rates.push((1000 * images) / (performance.now() - start));
  }
  return median(rates);
}

/** Make the folder of JPEGs, and remove it afterwards. */
async function inFolder<T>(act: (dir: string) => Promise<T>): Promise<T> {
  const dir = await mkdtemp(join(tmpdir(), "espalier-bench-"));
  try {
    await jpegFolder(dir, { perClass: PER_CLASS, valPerClass: 1, sides: SIDES });
    return await act(dir);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

const COLORS = { brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1 };

async function decoding(dir: string): Promise<HostFigure[]> {
  const { train } = await openImageFolder(dir);
  const figures: HostFigure[] = [];
  for (const [name, options, training] of [
    ["train", {}, true],
    ["train, one worker", { workers: 1 }, true],
    ["train, colour jitter", { colorJitter: COLORS }, true],
    ["evaluate", {}, false],
    ["evaluate, exact", { exact: true }, false],
  ] as const) {
    const dataset = decodedDataset(train, { ...options, memory: 0 });
    figures.push({ name, value: await rate(dataset, training), unit: "images/s" });
    await dataset.close();
  }
  return figures;
}

async function reading(dir: string): Promise<HostFigure[]> {
  const { train } = await openImageFolder(dir);
  const out = join(dir, "shards");
  const start = performance.now();
  await packShards(train, out, { shardBytes: 2 ** 23 });
  const packing = (1000 * train.length) / (performance.now() - start);
  const dataset = await openShards(out, { memory: 0 });
  const figures: HostFigure[] = [
    { name: "train", value: await rate(dataset, true), unit: "images/s" },
    { name: "evaluate", value: await rate(dataset, false), unit: "images/s" },
    { name: "packing", value: packing, unit: "images/s" },
  ];
  await dataset.close();
  return figures;
}

const loaderCase = (name: string, measure: (dir: string) => Promise<HostFigure[]>): HostCase => ({
  kind: "host",
  group: "data",
  name,
  measure: () => inFolder(measure),
});

/** Cases of 200 JPEGs of about 500 x 375, resized to 224 x 224, from files and from shards of 256 x 256. */
export const dataCases: readonly HostCase[] = [
  loaderCase("JPEGs decoded to [64,3,224,224]", decoding),
  loaderCase("shards read to [64,3,256,256]", reading),
];
