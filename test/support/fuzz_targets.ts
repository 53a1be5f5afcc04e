// Every parser of bytes that come from elsewhere, with sound files to damage and the errors that are its own.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { crc32 } from "node:zlib";
import { loadCifar10 } from "../../src/data/cifar.ts";
import { framesByDuration, framesByNumber, framesByTime } from "../../src/data/events/integrate.ts";
import { memorySource } from "../../src/data/index.ts";
import { centralPlan } from "../../src/images/decoded_dataset.ts";
import type { EncodedSource } from "../../src/images/encoded_source.ts";
import { labelsFromMapping } from "../../src/images/ilsvrc.ts";
import { decodeImage, openParquet, openShards, openWebdataset } from "../../src/images/index.ts";
import * as io from "../../src/io/index.ts";
import { RunDirectory } from "../../src/node_internal.ts";
import { resolveRecipe } from "../../src/recipe/recipe.ts";
import { readProgress } from "../../src/train/checkpoint.ts";
import { Trail } from "../../src/train/trail.ts";
import type { FuzzTarget } from "./fuzz.ts";
import { bytes, deflatedZip, gzip, parquet, pictures, plainSafetensors, tar, text, withPngSums } from "./fuzz_files.ts";

const sensor = [34, 34] as const;
const str = (data: Uint8Array) => new TextDecoder().decode(data);

/** Write bytes to a new path. */
class Scratch {
  private readonly root = mkdtempSync(join(tmpdir(), "espalier-fuzz-"));
  file(name: string, content: Uint8Array | string): string {
    const path = join(this.root, name);
    mkdirSync(join(path, ".."), { recursive: true });
    writeFileSync(path, content);
    return path;
  }
  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

async function readAll(source: EncodedSource): Promise<number> {
  try {
    let total = 0;
    for (let i = 0; i < source.length; i++) total += (await source.read(i)).length + source.label(i);
    return total;
  } finally {
    await source.close();
  }
}

function weights(): FuzzTarget[] {
  const f32 = (shape: number[], begin: number, end: number) => ({ dtype: "F32", shape, data_offsets: [begin, end] });
  const plain = plainSafetensors({ __metadata__: { a: "b" }, x: f32([2, 3], 0, 24), y: f32([1], 24, 28) }, bytes(28));
  const dense = new Map([
    ["w", { data: Float32Array.from({ length: 400 }, (_, i) => (i % 17 === 0 ? i : 0)), shape: [20, 20] }],
  ]);
  const sparse = io.SPARSE_LAYOUTS.map((layout) => io.writeSparseModel(dense, { model: "m" }, { layout }));
  const old = io.parseSafetensors(sparse[1]!);
  const parts = [...old.tensors].map(([name, { dtype, shape, data }]) => ({ name, dtype, shape, data }));
  let at = 0;
  const header: Record<string, unknown> = { __metadata__: Object.fromEntries(old.metadata) };
  for (const { name, dtype, shape, data } of parts) {
    header[name] = { dtype, shape, data_offsets: [at, at + data.byteLength] };
    at += data.byteLength;
  }
  const csr = plainSafetensors(
    header,
    Buffer.concat(parts.map(({ data }) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength))),
  );
  const progress = { step: 18, epoch: 1, batch: 8, seed: 0, threshold: 0.01, config: null, bestAccuracy: 0.5 };
  const wrapped = (data: Uint8Array) =>
    io.writeSafetensors(new Map(), { format: "espalier-checkpoint-2", progress: str(data) });
  return [
    {
      name: "safetensors",
      seeds: [plain, sparse[0]!],
      parse: (b) => io.parseSafetensors(b, "f"),
      errors: ["SafetensorsError"],
    },
    {
      name: "sparse",
      seeds: [...sparse, csr],
      parse: (b) => io.readModelWeights(b, "f"),
      errors: ["SafetensorsError", "WeightsError"],
    },
    {
      name: "progress",
      seeds: [text(JSON.stringify(progress))],
      parse: (b) => readProgress(wrapped(b), "f"),
      errors: ["CheckpointError", "SafetensorsError"],
    },
  ];
}

async function torch(): Promise<FuzzTarget[]> {
  const folder = fileURLToPath(new URL("../io/torch/", import.meta.url));
  const names = readdirSync(folder).filter((name) => name.endsWith(".pt"));
  const file = (name: string) => new Uint8Array(readFileSync(join(folder, name)));
  const read = (legacy: boolean) => names.map(file).filter((b) => (b[0] === 0x80) === legacy);
  // The pickle inside an archive, packed again after each change so that its check sum is right.
  const inside = await io.readZip(file("tensors.pt"));
  const [pickle] = [...inside.keys()].filter((name) => name.endsWith("data.pkl")) as [string];
  const parse = async (b: Uint8Array) => io.readWeights(b, "f");
  const errors = ["TorchFileError", "SafetensorsError", "WeightsError"];
  return [
    { name: "pth zip", seeds: read(false), parse, errors },
    { name: "pth legacy", seeds: read(true), parse, errors },
    {
      name: "pickle",
      seeds: [inside.get(pickle)!],
      parse: (b) => parse(io.writeZip(new Map([...inside, [pickle, b]]))),
      errors,
    },
  ];
}

function arrays(): FuzzTarget[] {
  const npy = [
    io.writeNpy({ dtype: "F32", shape: [2, 3], data: new Float32Array(6) }),
    io.writeNpy({ dtype: "I64", shape: [3], data: new BigInt64Array(3) }),
    io.writeNpy({ dtype: "BOOL", shape: [2, 1, 2], data: new Uint8Array(4) }),
  ];
  const recording = {
    t: Float64Array.of(1, 2),
    x: Uint16Array.of(3, 4),
    y: Uint16Array.of(5, 6),
    p: Uint8Array.of(0, 1),
    length: 2,
  };
  const frames = io.writeNpz(new Map([["frames", { dtype: "U8", shape: [2, 2, 3, 3], data: bytes(36) }]]));
  const idx = Uint8Array.of(0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3, ...bytes(12));
  const floats = Uint8Array.of(0, 0, 13, 1, 0, 0, 0, 2, ...bytes(8));
  const stored = io.writeZip(
    new Map([
      ["a", bytes(40)],
      ["b/c", text("hello")],
    ]),
  );
  const content = bytes(500, 3);
  return [
    { name: "npy", seeds: npy, parse: (b) => io.parseNpy(b, "f"), errors: ["NpyError"] },
    {
      name: "npz",
      seeds: [io.writeEventNpz(recording), frames],
      parse: (b) => io.parseEventNpz(b, "f"),
      errors: ["EventError"],
    },
    { name: "idx", seeds: [idx, floats], parse: (b) => io.parseIdx(b, "f"), errors: ["IdxError"] },
    {
      name: "gzip",
      seeds: [gzip(bytes(300)), gzip(new Uint8Array(2 ** 20))],
      parse: (b) => io.gunzip(b, "f"),
      errors: ["GzipError"],
    },
    {
      name: "zip",
      seeds: [stored, deflatedZip("x", content, crc32(content))],
      parse: (b) => io.readZip(b, "f"),
      errors: ["ZipError"],
    },
  ];
}

function events(): FuzzTarget[] {
  const nmnist = Uint8Array.from({ length: 100 }, (_, i) => [i % 34, (i * 3) % 34, i % 2 ? 128 : 0, 1, i][i % 5]!);
  const aedat2 = Uint8Array.of(
    ...text("#!AER-DAT2.0\r\n# words\r\n"),
    ...bytes(64).map((v, i) => (i % 8 < 4 || i % 8 === 7 ? v : 0)),
  );
  const packet = Uint8Array.of(
    ...[1, 0, 1, 0, 8, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 3, 0, 0, 0, 3, 0, 0, 0],
    ...bytes(24).map((v, i) => [v, 0, v & 0xfe, 0, v, 0, 0, 0][i % 8]!),
  );
  const aedat3 = Uint8Array.of(...text("#!AER-DAT3.1\r\n#Source 1: DVS128\r\n#!END-HEADER\r\n"), ...packet, ...packet);
  const table = text("class,startTime_usec,endTime_usec\n1,2,300000\n2,300000,900000\n");
  const recording = (b: Uint8Array) => io.parseEvents(b, "f", { sensor: [128, 128] });
  return [
    { name: "n-mnist", seeds: [nmnist], parse: (b) => io.parseNMnist(b, "f"), errors: ["EventError"] },
    { name: "aedat 2", seeds: [aedat2], parse: (b) => io.parseAedat2(b, "f"), errors: ["EventError"] },
    {
      name: "aedat 3",
      seeds: [aedat3],
      parse: (b) => [io.parseAedat3(b, "f"), io.parseAedat3(b, "f", { validOnly: true })],
      errors: ["EventError"],
    },
    { name: "gesture labels", seeds: [table], parse: (b) => io.parseGestureLabels(b, "f"), errors: ["EventError"] },
    {
      name: "event frames",
      seeds: [nmnist, aedat2, aedat3],
      parse: (b) => {
        const found = recording(b);
        framesByNumber(found, { frames: 8, sensor: [128, 128] });
        framesByTime(found, { frames: 8, sensor: [128, 128], size: sensor });
        return framesByDuration(found, { duration: 1000, sensor: [128, 128] });
      },
      errors: ["EventError", "DataError"],
    },
  ];
}

/** Data sets of files: what is damaged is written, and opened by its path. */
async function dataSets(scratch: Scratch): Promise<FuzzTarget[]> {
  const tars = [
    await tar({ "a.jpg": bytes(30), "a.cls": "0", "b.jpg": bytes(20), "b.json": '{"label": 1}' }),
    await tar({ "x/a.png": bytes(700), "x/a.cls": "1", "notes.txt": "words" }),
  ];
  const cifar = Uint8Array.from({ length: 2 * 3073 }, (_, i) => (i % 3073 === 0 ? 3 : i % 251));
  const mapping = [
    text("a.jpg n00000001\nb.jpg n00000002\n"),
    text("ImageId,Prediction\na,n00000001 1 2 3 4\nb,n00000002 1 2 3 4\n"),
    text("1\n2\n"),
  ];
  const synsets = scratch.file("synsets.txt", "n00000001\nn00000002\n");
  const point = (epoch: number) => JSON.stringify({ epoch, step: 10 * epoch, accuracy: 0.9, loss: 0.3, sparsity: 0.5 });
  const log = text(`${point(1)}\n${point(2)}\n${point(3)}\n`);
  return [
    {
      name: "parquet",
      seeds: [parquet("UNCOMPRESSED", "numbers"), parquet("SNAPPY", "numbers"), parquet("UNCOMPRESSED", "names")],
      parse: async (b) => readAll(await openParquet([scratch.file("train.parquet", b)])),
      errors: ["SourceError"],
    },
    {
      name: "tar",
      seeds: tars,
      parse: async (b) => readAll(await openWebdataset([scratch.file("train.tar", b)])),
      errors: ["SourceError"],
    },
    {
      name: "mapping",
      seeds: mapping,
      parse: (b) =>
        labelsFromMapping({
          mapping: scratch.file("val.txt", b),
          paths: ["a.jpg", "b.jpg"],
          classes: ["n00000001", "n00000002"],
          near: "",
          synsets,
        }),
      errors: ["SourceError"],
    },
    {
      name: "cifar",
      seeds: [cifar],
      parse: (b) => loadCifar10(memorySource(new Map([["test_batch.bin", b]]), "f"), "test", { imagesPerFile: 2 }),
      errors: ["SourceError", "DataError"],
    },
    {
      name: "trail",
      seeds: [log],
      parse: (b) => {
        const path = scratch.file("run/trail/trail.jsonl", b);
        return Trail.read(new RunDirectory(join(path, "../..")));
      },
      errors: ["ArgumentError", "DataError", "FileError"],
    },
    {
      name: "metrics",
      seeds: [log],
      parse: (b) => new RunDirectory(join(scratch.file("run/metrics.jsonl", b), "..")).readLog("metrics.jsonl"),
      errors: ["FileError"],
    },
  ];
}

function shards(scratch: Scratch): FuzzTarget[] {
  const shape = [3, 4, 4] as const;
  const shard = new Uint8Array(io.shardBytes(shape, 3));
  io.writeShardHeader(shard, shape, 3);
  shard.set(bytes(144), io.shardImageOffset(shape, 0));
  io.writeShardLabels(shard, io.shardLabelsOffset(shape, 3), [0, 1, 1]);
  const of = (count: number) => ({
    ...{
      name: "made",
      shape,
      view: [4, 4] as const,
      classes: ["a", "b"],
      length: count,
      mean: [0.5, 0.5, 0.5],
      std: [1, 1, 1],
    },
    ...{
      fingerprint: "0".repeat(64),
      skipped: [],
      shards: [{ file: "shard-00000.bin", count, sha256: "0".repeat(64) }],
    },
  });
  const index = io.formatShardIndex(of(3));
  const { checksum: _, ...first } = { ...(JSON.parse(index) as Record<string, unknown>), version: 1 } as Record<
    string,
    unknown
  >;
  return [
    {
      name: "shard index",
      seeds: [text(index), text(JSON.stringify(first))],
      parse: (b) => io.parseShardIndex("f", str(b)),
      errors: ["ShardError"],
    },
    {
      name: "shards",
      seeds: [shard],
      parse: async (b) => {
        const dir = join(scratch.file("shards/shard-00000.bin", b), "..");
        scratch.file("shards/index.json", JSON.stringify(first));
        await (await openShards(dir)).close();
      },
      errors: ["ShardError"],
    },
  ];
}

async function images(): Promise<FuzzTarget[]> {
  const plan = (height: number, width: number) => centralPlan(height, width, 16, 14);
  const parse = (b: Uint8Array) =>
    decodeImage({ source: "f", key: "k" }, b, plan, new Uint8Array(3 * 14 * 14), { exact: b.length % 2 === 0 });
  const made = await pictures();
  const targets = Object.entries(made).map(([name, seeds]) => ({ name, seeds, parse, errors: ["ImageError"] }));
  // Damage that its check sums do not give away: they are put right after each change.
  const repaired = { name: "png repaired", seeds: made.png, errors: ["ImageError"] };
  return [...targets, { ...repaired, parse: (b: Uint8Array) => parse(withPngSums(b)) }];
}

function recipes(): FuzzTarget[] {
  const folder = fileURLToPath(new URL("../../recipes/small/", import.meta.url));
  const seeds = readdirSync(folder)
    .slice(0, 6)
    .map((name) => new Uint8Array(readFileSync(join(folder, name))));
  const open = () => ({ text: "epochs: 1\n", file: "base.yaml" });
  return [
    {
      name: "recipe",
      seeds,
      parse: (b) => resolveRecipe({ text: str(b), file: "f.yaml", open }),
      errors: ["RecipeError"],
      lines: true,
    },
  ];
}

/** All targets, and what removes the files that they write. */
export async function fuzzTargets(): Promise<{ targets: FuzzTarget[]; remove: () => void }> {
  const scratch = new Scratch();
  const targets = [
    ...weights(),
    ...(await torch()),
    ...arrays(),
    ...events(),
    ...(await dataSets(scratch)),
    ...shards(scratch),
    ...(await images()),
    ...recipes(),
  ];
  return { targets, remove: () => scratch.remove() };
}
