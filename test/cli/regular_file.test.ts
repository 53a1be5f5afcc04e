// Pipes, devices, sockets and folders are no files of data, wherever a path is read: each is refused at once.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openSamples } from "../../src/cli/predict_inputs.ts";
import { openImageFolder } from "../../src/images/folder.ts";
import { openParquet } from "../../src/images/parquet.ts";
import { PositionedFiles } from "../../src/images/positioned_files.ts";
import { openShards } from "../../src/images/shard_dataset.ts";
import { openWebdataset } from "../../src/images/webdataset.ts";
import { fileSource } from "../../src/node/files.ts";
import { readRegular, readRegularSync, readRegularText } from "../../src/node/regular_file.ts";
import { openWeightsFile } from "../../src/run/weights_in.ts";

const root = mkdtempSync(join(tmpdir(), "espalier-regular-"));
const server = createServer();
const pipe = join(root, "pipe");
const socket = join(root, "socket");

beforeAll(async () => {
  execFileSync("mkfifo", [pipe]);
  await new Promise<void>((ready) => server.listen(socket, ready));
});
afterAll(() => {
  server.close();
  rmSync(root, { recursive: true, force: true });
});

const others: [string, () => string, string][] = [
  ["a pipe", () => pipe, "expected a regular file, got a named pipe (FIFO)"],
  ["a socket", () => socket, "expected a regular file, got a socket"],
  ["a device without an end", () => "/dev/zero", "expected a regular file, got a device"],
  ["an empty device", () => "/dev/null", "expected a regular file, got a device"],
  ["a folder", () => root, "expected a regular file, got a folder"],
  ["nothing", () => join(root, "none"), "no such file"],
];

describe.each(others)("%s", (_name, path, message) => {
  test("is refused by each way of reading", async () => {
    await expect(readRegular(path())).rejects.toThrow(message);
    await expect(readRegularText(path())).rejects.toThrow(message);
    expect(() => readRegularSync(path())).toThrow(message);
    await expect(new PositionedFiles().size(path())).rejects.toThrow(`${path()}: ${message}`);
    await expect(new PositionedFiles().read(path(), new Uint8Array(4), 0)).rejects.toThrow(message);
  });
});

describe("a pipe in place of", () => {
  const folder = (files: Readonly<Record<string, string>>): string => {
    const dir = mkdtempSync(join(root, "folder-"));
    for (const [name, goal] of Object.entries(files)) {
      mkdirSync(join(dir, name, ".."), { recursive: true });
      symlinkSync(goal, join(dir, name));
    }
    return dir;
  };
  const got = "got a named pipe (FIFO)";

  test("weights, inputs of predict, files of a source", async () => {
    await expect(openWeightsFile(pipe)).rejects.toThrow(`cannot read ${pipe}: expected a regular file, ${got}`);
    const array = join(folder({ "x.npy": pipe }), "x.npy");
    const model = { metadata: new Map<string, string>(), file: "m" };
    await expect(openSamples([array], {}, model)).rejects.toThrow(`cannot read ${array}: expected a regular file`);
    const image = join(folder({ "x.png": pipe }), "x.png");
    const samples = await openSamples([image], { size: 8 }, model);
    await expect(samples.take(0, 1)).rejects.toThrow(`cannot read ${image}: expected a regular file, ${got}`);
    await expect(fileSource(pipe).read("pipe")).rejects.toThrow(got);
  });

  test("archives, a shard index, an image", async () => {
    await expect(openParquet([pipe])).rejects.toThrow(got);
    await expect(openWebdataset([pipe])).rejects.toThrow(got);
    await expect(openShards(folder({ "index.json": pipe }))).rejects.toThrow(got);
    const dir = folder({ "cat/a.png": pipe });
    writeFileSync(join(dir, "cat", "b.png"), "");
    writeFileSync(join(dir, "cat", "c.png"), "");
    // A pipe in a folder of images is skipped and counted, never opened.
    const { train, test: held } = await openImageFolder(dir, { heldOut: 0.5 });
    expect(train.length + held.length).toBe(2);
  });
});

test("reads a whole file, and refuses a larger one before reading it", async () => {
  const path = join(root, "file");
  writeFileSync(path, "some bytes");
  expect(new TextDecoder().decode(await readRegular(path))).toBe("some bytes");
  expect(new TextDecoder().decode(readRegularSync(path))).toBe("some bytes");
  await expect(readRegular(path, 9)).rejects.toThrow("expected at most 9 bytes, got 10");
  expect(() => readRegularSync(path, 9)).toThrow("expected at most 9 bytes, got 10");
});

test("no other code reads a path of the user", () => {
  const src = fileURLToPath(new URL("../../src/", import.meta.url));
  // What these read is the system's or the program's own: /proc, package.json, libraries, its cache and locks.
  const own =
    /^(images\/parquet_reader|node\/(regular_file|env|memory_limit|process_mark|driver_env|folder_lock|tune_cache|ladder)|setup\/\w+)\.ts$/;
  const found: string[] = [];
  for (const name of readdirSync(src, { recursive: true, encoding: "utf8" })) {
    if (!name.endsWith(".ts") || own.test(name)) continue;
    const text = readFileSync(join(src, name), "utf8");
    for (const call of text.matchAll(/\b(readFileSync|readFile|createReadStream|openSync)\(/g))
      found.push(`${name}: ${call[1]}`);
  }
  // Both look at the file first: a stream cannot be given a file that is open already without losing its own errors.
  expect(found.sort()).toEqual([
    "images/parquet_worker.ts: openSync",
    "images/shard_dataset.ts: createReadStream",
    "images/webdataset.ts: createReadStream",
  ]);
});
