// Choice of the dict in a checkpoint: the only one that fits, the usual one of several, or the requested one.
import { describe, expect, test } from "vitest";
import {
  type FileArray,
  fileRangesOf,
  openWeights,
  readWeights,
  WeightsError,
  writeSafetensors,
} from "../../src/io/index.ts";
import type { WeightsFit } from "../../src/io/name_rules.ts";
import { archive, bytesOf, dictOf, int, pickle, str, tensor, tuple } from "./torch/pickles.ts";

const own = new Map([
  ["conv.weight", 2],
  ["fc.bias", 1],
]);
type Shapes = ReadonlyMap<string, { readonly shape: readonly number[] }>;
const fitOf = (entries: Shapes): WeightsFit => {
  const names = [...entries].filter(([name]) => !name.endsWith("n_averaged"));
  const loaded = names.filter(([name, { shape }]) => own.get(name) === shape[0]).length;
  return { loaded, trouble: own.size + names.length - 2 * loaded };
};
const vector = (n: number) => tensor({ size: tuple(int(n)) });
const scalar = tensor({ size: bytesOf(")"), stride: bytesOf(")") });
const state = (prefix = "") =>
  bytesOf("}(", str(`${prefix}conv.weight`), vector(2), str(`${prefix}fc.bias`), vector(1), "u");
const dict = (entries: Record<string, Uint8Array>) =>
  archive(pickle("}(", ...Object.entries(entries).flatMap(([key, value]) => [str(key), value]), "u"));
const take = (bytes: Uint8Array, key?: string) =>
  readWeights(bytes, "f.pt", { fit: fitOf, ...(key === undefined ? {} : { key }) });
const names = async (...args: Parameters<typeof take>) => [...(await take(...args)).weights.keys()];
const notes = async (...args: Parameters<typeof take>) => (await take(...args)).notes;

test("finds the only dict that fits under any key, beside other dicts and single tensors", async () => {
  const bytes = dict({ network: state(), best_loss: scalar, epoch: int(2), rng: dictOf("cpu", vector(2)) });
  expect(await names(bytes)).toEqual([...own.keys()]);
  expect(await notes(bytes)).toEqual(['took "network"', 'left out "rng", which hold tensors too']);
  const deep = dict({ a: dictOf("b", dictOf("c", state("module."))) });
  expect(await notes(deep)).toEqual(['took "a.b.c"', "names translated: data-parallel"]);
  expect(await names(dict({ generator: state("x."), discriminator: dictOf("w", vector(2)) }))).toEqual([...own.keys()]);
});

test("reads averaged models without their counter", async () => {
  const averaged = archive(
    pickle(
      "}(",
      str("n_averaged"),
      scalar,
      str("module.conv.weight"),
      vector(2),
      str("module.fc.bias"),
      vector(1),
      "u",
    ),
  );
  expect(await names(averaged)).toEqual(["n_averaged", ...own.keys()]);
});

test("prefers the usual key if several dicts fit", async () => {
  expect(await notes(dict({ state_dict_ema: state(), state_dict: state() }))).toEqual([
    'took "state_dict"',
    'left out "state_dict_ema", which hold tensors too',
  ]);
  expect((await notes(dict({ model_ema: state(), model: state("module.") })))[0]).toBe('took "model"');
});

describe("an ambiguous choice", () => {
  const dino = dict({ student: state("backbone."), teacher: state(), epoch: int(1) });
  test("lists the choices with their counts", async () => {
    await expect(take(dino)).rejects.toThrow(
      'f.pt: several dicts fit the model ("student" with 2 arrays, "teacher" with 2 arrays): choose one with --key, such as --key student',
    );
  });
  test("is resolved by --key", async () => {
    expect(await notes(dino, "student")).toEqual(['took "student"', 'took "backbone." off all names']);
    expect(await notes(dino, "teacher")).toEqual(['took "teacher"']);
  });
  test("lists the existing keys for an unknown key", async () => {
    await expect(take(dino, "ema")).rejects.toThrow(
      'f.pt: has no "ema": the keys there are "student", "teacher", "epoch"',
    );
  });
});

describe("names with several prefixes", () => {
  const array = (n: number): FileArray => ({ dtype: "F32", shape: [n], data: new Float32Array(n) });
  const flat = writeSafetensors(
    new Map([
      ["student.conv.weight", array(2)],
      ["student.fc.bias", array(1)],
      ["teacher.net.conv.weight", array(2)],
      ["teacher.net.fc.bias", array(1)],
    ]),
  );
  test("hints at the parts that fit", async () => {
    const { hints = [] } = await take(flat);
    expect(hints).toContain('the 2 arrays under "student." fit the model: choose them with --key student');
    expect(hints).toContain('the 2 arrays under "teacher." fit the model: choose them with --key teacher');
  });
  test("selects the names below a prefix with --key", async () => {
    expect(await names(flat, "student")).toEqual([...own.keys()]);
    expect(await notes(flat, "teacher")).toEqual(['took "teacher"', 'took "net." off all names']);
    expect(await notes(flat, "teacher.net")).toEqual(['took "teacher.net"']);
    await expect(take(flat, "ema")).rejects.toThrow('has no "ema": its names start with "student", "teacher"');
    await expect(take(flat, "ema")).rejects.toThrow(WeightsError);
  });
});

test("ignores numbers beyond float32 in arrays that are left out, or if nothing fits", async () => {
  const large = tensor({ type: "LongStorage", key: "1", length: 1, size: tuple(int(1)) });
  const ids = new Uint8Array(BigInt64Array.of(2n ** 24n + 1n).buffer);
  const of = (name: string) =>
    archive(pickle("}(", str("conv.weight"), vector(2), str("fc.bias"), vector(1), str(name), large, "u"), {
      0: new Uint8Array(8),
      1: ids,
    });
  const lenient = (entries: Shapes) => fitOf(new Map([...entries].filter(([name]) => name !== "ids")));
  const words = '"ids": element 0: expected a number that float32 can hold, got 16777217';
  await expect(readWeights(of("ids"), "f.pt", { fit: lenient })).rejects.toThrow(words);
  const left = await readWeights(of("ids"), "f.pt", { fit: lenient, mayLack: (name) => name === "ids" });
  expect([...left.weights.keys()]).toEqual([...own.keys(), "ids"]);
  expect((await readWeights(of("other"), "f.pt", { fit: fitOf })).weights.size).toBe(3);
});

test("takes the usual dict without a model, also beside a single tensor", async () => {
  const plain = async (bytes: Uint8Array) => (await openWeights(bytes, "f.pt")).take();
  expect([...(await plain(dict({ network: state(), best_loss: scalar }))).weights.keys()]).toEqual([...own.keys()]);
  await expect(plain(dict({ a: state(), b: state() }))).rejects.toThrow("several dicts hold tensors");
  const compiled = await plain(dict({ state_dict: state("_orig_mod.module.") }));
  expect(compiled.notes).toEqual(['took "state_dict"', 'took "_orig_mod.module." off all names']);
});

describe("a model in several files", () => {
  const array = (n: number): FileArray => ({ dtype: "F32", shape: [n], data: new Float32Array(n).fill(n) });
  const files: Record<string, Uint8Array> = {
    "a.safetensors": writeSafetensors(new Map([["conv.weight", array(2)]]), { format: "pt", model: "lenet" }),
    "b.safetensors": writeSafetensors(new Map([["fc.bias", array(1)]])),
    "c.bin": dict({ "fc.bias": vector(1) }),
    "two.safetensors": writeSafetensors(
      new Map([
        ["fc.bias", array(1)],
        ["x", array(1)],
      ]),
    ),
    "text.bin": new TextEncoder().encode("Not found"),
  };
  const index = (map: unknown) =>
    new TextEncoder().encode(JSON.stringify({ metadata: { total_size: 12 }, weight_map: map }));
  const beside = async (name: string) => {
    const bytes = files[name];
    if (!bytes) throw new Error(`${name}: no such file`);
    return fileRangesOf(bytes, name);
  };
  const open = (map: unknown) => readWeights(index(map), "m.index.json", { fit: fitOf, beside });

  test.each(["b.safetensors", "c.bin"])("is read by its index, with %s", async (second) => {
    const { weights, notes, metadata } = await open({ "conv.weight": "a.safetensors", "fc.bias": second });
    expect([...weights.keys()]).toEqual([...own.keys()]);
    expect(weights.get("conv.weight")?.data).toEqual(Float32Array.of(2, 2));
    expect(notes).toEqual(["read from 2 shards"]);
    expect(metadata.get("model")).toBe("lenet");
  });

  test.each<[string, unknown, string]>([
    [
      "a shard that is not there",
      { "conv.weight": "z.safetensors" },
      'its shard "z.safetensors": z.safetensors: no such file; the shards have to be beside the index',
    ],
    [
      "an array that is not there",
      { "fc.weight": "b.safetensors" },
      '"b.safetensors" has no "fc.weight", which the index says it has',
    ],
    ["an array that is not named", { "fc.bias": "two.safetensors" }, 'it does not name "x" of "two.safetensors"'],
    ["a shard that is none", { "fc.bias": "text.bin" }, 'its shard "text.bin" holds no weights'],
    [
      "a path",
      { "fc.bias": "../b.safetensors" },
      'weight_map: "fc.bias": expected the name of a file beside it, got "../b.safetensors"',
    ],
    ["no map", [], "weight_map: expected an object, got []"],
    ["an empty map", {}, "weight_map: names no array"],
  ])("%s is named", async (_, map, words) => {
    await expect(open(map)).rejects.toThrow(`m.index.json: the index of a sharded model: ${words}`);
  });

  test("needs the shards beside an index in memory", async () => {
    await expect(readWeights(index({ "fc.bias": "b.safetensors" }), "m.json")).rejects.toThrow(
      'm.json: the index of a sharded model: its shards are needed ("b.safetensors")',
    );
  });
});

test("refuses a path in place of a file", async () => {
  const words = "weights: expected the file as a Uint8Array or a file source, got string";
  await expect(readWeights("net.pt" as never)).rejects.toThrow(words);
});
