import { expect, test } from "vitest";
import { readTorchFile, readWeights, stateDictOf, writeSafetensors } from "../../../src/io/index.ts";
import { archive, at, bytesOf, fixture, numbers, str, u32, values } from "./pickles.ts";

const stateOf = async (name: string) => stateDictOf(await readTorchFile(fixture(name), name), { name });

test.each(["tensors", "tensors_legacy", "tensors_protocol4"])("reads every element type: %s", async (name) => {
  const { arrays, path, stripped, ignored, notes } = await stateOf(name);
  expect({ path, stripped, ignored, notes }).toEqual({ path: [], stripped: "", ignored: [], notes: [] });
  expect([...arrays].map(([key, { dtype, shape }]) => [key, dtype, shape])).toEqual([
    ["float32", "F32", [2, 3]],
    ["float64", "F64", [2, 3]],
    ["float16", "F16", [2, 3]],
    ["bfloat16", "BF16", [2, 3]],
    ["int64", "I64", [2, 3]],
    ["int32", "I32", [2, 3]],
    ["int16", "I16", [2, 3]],
    ["int8", "I8", [2, 3]],
    ["uint8", "U8", [2, 3]],
    ["bool", "BOOL", [2, 3]],
    ["scalar", "F32", []],
    ["empty", "F32", [0, 3]],
    ["parameter", "F32", [5]],
  ]);
  const got = (key: string) => numbers(arrays.get(key));
  for (const [seed, key] of ["float32", "float64", "float16", "bfloat16"].entries()) {
    expect(got(key), key).toEqual(values(6, seed));
  }
  for (const [i, key] of ["int64", "int32", "int16", "int8"].entries()) {
    expect(got(key), key).toEqual(values(6, i + 4, 1));
  }
  expect(got("uint8")).toEqual(values(6, 8, 1).map((v) => v + 5));
  expect(got("bool")).toEqual(values(6, 9, 1).map((v) => Number(v > 0)));
  expect(got("scalar")).toEqual(values(1, 3));
  expect(got("empty")).toEqual([]);
  expect(got("parameter")).toEqual(values(5, 4));
});

test.each(["views", "views_legacy"])("reads strided views of a shared storage in C order: %s", async (name) => {
  const { arrays } = await stateOf(name);
  const base = values(24);
  const grid = (rows: number, columns: number, from: (i: number, j: number) => number | undefined) =>
    Array.from({ length: rows * columns }, (_, n) => from(Math.floor(n / columns), n % columns));
  const expected: [string, number[], (number | undefined)[]][] = [
    ["base", [4, 6], base],
    ["transposed", [6, 4], grid(6, 4, (i, j) => base[j * 6 + i])],
    ["part", [3, 3], grid(3, 3, (i, j) => base[(i + 1) * 6 + 2 * j])],
    ["row", [6], base.slice(12, 18)],
    ["expanded", [4, 3], grid(4, 3, (i) => base[i * 6])],
    ["channels_last", [2, 3, 2, 2], values(24, 1)],
    ["half_transposed", [2, 3], grid(2, 3, (i, j) => values(6, 2)[j * 2 + i])],
    ["long_transposed", [2, 3], grid(2, 3, (i, j) => values(6, 2, 1)[j * 2 + i])],
  ];
  for (const [key, shape, data] of expected) {
    expect(arrays.get(key)?.shape, key).toEqual(shape);
    expect(numbers(arrays.get(key)), key).toEqual(data);
  }
  expect([...arrays.keys()]).toEqual(expected.map(([key]) => key));
});

test("reads num_batches_tracked as int64", async () => {
  const { arrays } = await stateOf("net");
  expect(arrays.get("1.num_batches_tracked")).toEqual({ dtype: "I64", shape: [], data: new BigInt64Array([2n]) });
});

test("reads a checkpoint and finds its state_dict without the prefix of DataParallel", async () => {
  const tree = await readTorchFile(fixture("checkpoint"));
  expect(at(tree, "epoch")).toBe(3);
  expect(at(tree, "best")).toBe(0.75);
  expect(at(tree, "shape")).toEqual([1, 6, 6]);
  expect(at(tree, "device")).toBe("cuda:1");
  expect(at(tree, "large")).toBe(2n ** 70n);
  expect(at(tree, "negative")).toEqual([-3, -(2 ** 40)]);
  expect(at(tree, "tuple")).toEqual([1, null, true, "ä"]);
  expect(at(tree, "set")).toEqual(new Set([1, 2]));
  expect(at(at(tree, "optimizer"), "param_groups")).toHaveLength(1);

  const found = stateDictOf(tree);
  const plain = await stateOf("net");
  expect(found.path).toEqual(["state_dict"]);
  expect(found.stripped).toBe("module.");
  expect(found.arrays).toEqual(plain.arrays);
  expect(found.notes).toEqual(['took "state_dict"', 'took "module." off all names']);
});

test("takes the dict of the usual name, or the requested one", async () => {
  const tree = await readTorchFile(fixture("model_key_legacy"));
  expect(stateDictOf(tree)).toMatchObject({
    path: ["model"],
    notes: ['took "model"', 'left out "ema", which hold tensors too'],
  });
  expect(stateDictOf(tree, { key: "ema" })).toMatchObject({ path: ["ema"], notes: ['took "ema"'] });
  expect(() => stateDictOf(tree, { key: "emma", name: "f.pt" })).toThrow(
    'f.pt: has no "emma": the keys there are "model", "ema"',
  );
});

test("reads bytes at any alignment", async () => {
  for (const name of ["views", "views_legacy"]) {
    const bytes = fixture(name);
    const moved = new Uint8Array(bytes.length + 1).subarray(1);
    moved.set(bytes);
    expect(stateDictOf(await readTorchFile(moved)).arrays).toEqual((await stateOf(name)).arrays);
  }
});

test("readWeights recognises the kinds of file by their bytes", async () => {
  const torch = await readWeights(fixture("checkpoint"), "c.pt");
  expect(torch.notes).toHaveLength(2);
  expect(torch.weights.get("1.num_batches_tracked")?.data).toEqual(new Float32Array([2]));
  expect(torch.weights.get("0.weight")?.shape).toEqual([2, 1, 3, 3]);
  await expect(readWeights(fixture("checkpoint"), "c.pt", { key: "none" })).rejects.toThrow('c.pt: has no "none"');
  // Headers of 384 and 640 bytes start as a pickle does, with 0x80 and 0x80 0x02.
  for (const header of [384, 640]) {
    const data = new Float32Array([1, 2]);
    const written = (pad: number) =>
      writeSafetensors(new Map([["w", { dtype: "F32", shape: [2], data }]]), { pad: "x".repeat(pad) });
    const lengthOf = (bytes: Uint8Array) => new DataView(bytes.buffer).getUint32(0, true);
    const bytes = written(
      Array.from({ length: header }, (_, n) => n).find((n) => lengthOf(written(n)) === header) ?? 0,
    );
    expect(bytes[0]).toBe(0x80);
    expect((await readWeights(bytes)).weights.get("w")).toEqual({ data, shape: [2] });
  }
  await expect(readWeights(new Uint8Array(4), "s")).rejects.toThrow(/^s: /);
});

test("reads opcodes of later protocols and of Python 2: bytes, sets, frames, long texts", async () => {
  const eight = (n: number) => [...u32(n), 0, 0, 0, 0];
  const parts = [
    bytesOf("C", 2, "ab"),
    bytesOf("B", u32(2), "cd"),
    bytesOf(0x8e, eight(2), "ef"),
    bytesOf(0x8c, 1, "g"),
    bytesOf(0x8d, eight(1), "h"),
    bytesOf("U", 1, "i"),
    bytesOf("T", u32(1), "j"),
    bytesOf(0x8f, "(K", 1, "K", 2, 0x90),
    bytesOf("(K", 3, 0x91),
    bytesOf(0x8a, 0),
    bytesOf(0x8b, u32(1), 0xff),
    bytesOf("M", [1, 2]),
    bytesOf("G", [0x3f, 0xf8, 0, 0, 0, 0, 0, 0]),
    bytesOf("K", 7, "2", 0x86),
    bytesOf("N(NN1"),
    bytesOf("K", 9, 0x94, "0h", 0),
    bytesOf("K", 8, "r", u32(300), "0j", u32(300)),
    bytesOf(str("collections"), str("OrderedDict"), 0x93, "](", 0x88, 0x89, 0x86, "e", 0x85, "R"),
  ];
  const bytes = archive(bytesOf(0x80, 4, 0x95, eight(bytesOf(...parts).length + 3), "(", ...parts, "t."));
  expect(await readTorchFile(bytes)).toEqual([
    ...["ab", "cd", "ef"].map((text) => new TextEncoder().encode(text)),
    ...["g", "h", "i", "j"],
    new Set([1, 2]),
    new Set([3]),
    ...[0, -1, 513, 1.5],
    [7, 7],
    null,
    9,
    8,
    new Map([[true, false]]),
  ]);
});
