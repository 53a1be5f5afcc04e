// Checks that checkpoints and models beyond 2 GiB, and beyond the 4 GiB of one array, are read as they are written, and that a
// flipped bit far inside is found. Not part of the tests: it takes twice the size in memory and once on disk.
//
//   node --import tsx --import ./tools/wgsl_node.mjs tools/big_files.ts [GiB, default 2.25] [folder]
import { mkdtempSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CheckpointShelf, openWeights, readProgress, safetensorsParts } from "../src/internal.ts";
import { openFileRanges, RunDirectory } from "../src/node_internal.ts";

const GIB = 2 ** 30;
const size = Number(process.argv[2] ?? 2.25) * GIB;
if (!(size > 0)) throw new RangeError(`expected a size in GiB, got ${process.argv[2]}`);
const root = mkdtempSync(join(process.argv[3] ?? tmpdir(), "espalier-big-"));
const started = performance.now();
const say = (words: string) =>
  process.stdout.write(`${((performance.now() - started) / 1000).toFixed(1)} s  ${words}\n`);

const count = GIB / 16; // 256 MiB each
const name = (k: number) => `layer${k}.weight`;
const tensors = new Map(
  Array.from({ length: Math.ceil(size / (4 * count)) }, (_, k) => {
    const data = new Float32Array(count);
    data[0] = k + 1;
    data[count - 1] = k + 0.5;
    return [name(k), { dtype: "F32" as const, shape: [count / 2 ** 13, 2 ** 13], data }] as const;
  }),
);
const progress = { step: 3, epoch: 0, batch: 3, seed: 0, threshold: 0, bestAccuracy: 0, config: null };

function expectEqual(what: string, got: unknown, expected: unknown): void {
  if (got !== expected) throw new Error(`${what}: expected ${String(expected)}, got ${String(got)}`);
}

try {
  const directory = new RunDirectory(root);
  const shelf = new CheckpointShelf(directory, 1);
  const parts = safetensorsParts(tensors, { format: "espalier-checkpoint-2", progress: JSON.stringify(progress) });
  const path = await shelf.save(3, parts, false);
  say(`written: ${parts.reduce((sum, part) => sum + part.length, 0)} bytes`);

  const found = await shelf.newestReadable((file, at) => {
    expectEqual("step", readProgress(file, at).step, 3);
    for (const [k, key] of [...file.tensors.keys()].entries())
      expectEqual(key, file.tensors.get(key)?.data[count - 1], k + 0.5);
  });
  expectEqual("checkpoint", found.whole?.path, path);
  say("read as a checkpoint");

  const read = async () => {
    const source = await openFileRanges(directory.path(path));
    try {
      return (await openWeights(source, path)).take().weights;
    } finally {
      await source.close();
    }
  };
  const weights = await read();
  expectEqual("arrays", weights.size, tensors.size);
  for (let k = 0; k < tensors.size; k++) expectEqual(name(k), weights.get(name(k))?.data[0], k + 1);
  say("read as a model");

  const file = await open(directory.path(path), "r+");
  const at = Math.floor(size) - 12_345;
  const byte = new Uint8Array(1);
  await file.read(byte, 0, 1, at);
  await file.write(Uint8Array.of(byte[0]! ^ 4), 0, 1, at);
  await file.close();
  const problem = await read().then(
    () => "it was read",
    (cause: Error) => cause.message,
  );
  if (!problem.includes("checksum differs")) throw new Error(`a flipped bit at byte ${at}: ${problem}`);
  say(`a flipped bit at byte ${at} is refused`);
} finally {
  rmSync(root, { recursive: true, force: true });
}
