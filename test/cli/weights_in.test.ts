// Weights from files as people have them, through `espalier export`, which loads as every command does and needs no GPU.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { type ExportFlags, runExport } from "../../src/cli/export.ts";
import { type FileArray, readModelWeights, writeSafetensors } from "../../src/io/index.ts";
import { buildModel } from "../../src/models/index.ts";
import { archive, bytesOf, int, pickle, str, tensor, tuple } from "../io/torch/pickles.ts";

const scratch = mkdtempSync(join(tmpdir(), "espalier-weights-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const at = (name: string) => join(scratch, name);

const arrays = new Map<string, FileArray & { readonly data: Float32Array }>(
  [...buildModel("lenet", { channels: 1, size: 12, classes: 10 }).namedState()].map(([name, { shape, numel }], k) => [
    name,
    { dtype: "F32", shape: [...shape], data: Float32Array.from({ length: numel }, (_, i) => Math.sin(i + k)) },
  ]),
);
const names = [...arrays.keys()];

/** A dict of the weights as torch.save writes it, under other names; storages are shared by all dicts of a file. */
function dict(rename = (name: string) => name, without: readonly string[] = []): Uint8Array {
  const entries = names.flatMap((name, k) => {
    if (without.includes(name)) return [];
    const { shape, data } = arrays.get(name) as FileArray;
    const strides = shape.map((_, i) => shape.slice(i + 1).reduce((a, b) => a * b, 1));
    const value = tensor({
      key: String(k),
      length: data.length,
      size: tuple(...shape.map(int)),
      stride: tuple(...strides.map(int)),
    });
    return [str(rename(name)), value];
  });
  return bytesOf("}(", ...entries, "u");
}

function pth(file: string, entries: Uint8Array): string {
  const storages = names.map((name, k) => [k, new Uint8Array((arrays.get(name) as FileArray).data.buffer)] as const);
  writeFileSync(at(file), archive(pickle(entries), Object.fromEntries(storages)));
  return at(file);
}
const checkpoint = (entries: Record<string, Uint8Array>) =>
  bytesOf("}(", ...Object.entries(entries).flatMap(([key, value]) => [str(key), value]), "u");

/** Exports and reads back: what is said, and the weights. */
async function load(path: string, more: Partial<ExportFlags> = {}) {
  const lines: string[] = [];
  const out = { json: false, say: (line: string) => lines.push(line), emit: () => {} };
  const flags = {
    path,
    format: "safetensors",
    model: "lenet",
    channels: 1,
    size: 12,
    output: at("out.safetensors"),
  } as const;
  await runExport({ ...flags, ...more }, out as never);
  return { lines, weights: readModelWeights(new Uint8Array(readFileSync(at("out.safetensors"))), "out").weights };
}

async function refused(path: string, more: Partial<ExportFlags> = {}): Promise<string> {
  return load(path, more).then(
    () => "it was read",
    (cause: unknown) => (cause as Error).message,
  );
}

function expectAll(weights: ReadonlyMap<string, { readonly data: Float32Array }>): void {
  expect([...weights.keys()]).toEqual(names);
  for (const [name, { data }] of weights) expect(data).toEqual(arrays.get(name)?.data);
}

test.each(["", "_orig_mod.", "module._orig_mod.", "_orig_mod.module.", "model.net.backbone."])(
  "the prefix %j is taken off, in both kinds of file",
  async (prefix) => {
    const torch = await load(
      pth(
        "prefix.pth",
        dict((name) => prefix + name),
      ),
    );
    expectAll(torch.weights);
    writeFileSync(at("prefix.safetensors"), writeSafetensors(new Map([...arrays].map(([k, a]) => [prefix + k, a]))));
    const plain = await load(at("prefix.safetensors"));
    expectAll(plain.weights);
    if (prefix !== "") expect(torch.lines[0]).toContain(`took ${JSON.stringify(prefix)} off all names`);
    expect(plain.lines.slice(0, -1)).toEqual(torch.lines.slice(0, -1));
  },
);

describe("checkpoints of several dicts", () => {
  const dino = () =>
    pth("dino.pth", checkpoint({ student: dict((name) => `backbone.${name}`), teacher: dict(), epoch: int(1) }));

  test("need --key", async () => {
    expect(await refused(dino())).toMatch(
      /dino\.pth: several dicts fit the model \("student" with 10 arrays, "teacher" with 10 arrays\): choose one with --key, such as --key student$/,
    );
    for (const key of ["student", "teacher", "student.backbone"]) {
      const { weights, lines } = await load(dino(), { key });
      expectAll(weights);
      expect(lines[0]).toBe(`took "${key}"`);
    }
    expect(await refused(dino(), { key: "ema" })).toContain(
      'has no "ema": the keys there are "student", "teacher", "epoch"',
    );
  });

  test("without a model, uses the default dict, or that of --key", async () => {
    const flags = { model: undefined, channels: undefined, size: undefined } as unknown as Partial<ExportFlags>;
    expect(await refused(dino(), flags)).toContain(
      'several dicts hold tensors ("student", "teacher"): say which with --key',
    );
    expectAll((await load(dino(), { ...flags, key: "teacher" })).weights);
    expect(await refused(dino(), { ...flags, key: "teacher", allowMissing: ["fc"] })).toContain("--allow-missing: ");
  });
});

describe("allowed differences", () => {
  const extra = () =>
    pth("extra.pth", bytesOf(dict(), str("head.table"), tensor({ key: "1", length: 6, size: tuple(int(6)) }), "s"));
  const partial = () => pth("partial.pth", dict(undefined, ["fc3.bias"]));

  test("leaves out unexpected arrays by a pattern, and says so", async () => {
    expect(await refused(extra())).toMatch(
      /extra\.pth: does not fit the model: 10 of 10 arrays fit\nin the file only: 1\n {2}head \(1\): table\nskip the arrays that the model does not use: --allow-unexpected head\.table$/,
    );
    expectAll((await load(extra(), { allowUnexpected: ["head.*"] })).weights);
  });

  test("leaves out missing arrays of the export, but ONNX needs them", async () => {
    expect(await refused(partial())).toContain("missing in the file: 1\n  fc3 (1): bias");
    const { weights } = await load(partial(), { allowMissing: ["fc3.*"] });
    expect([...weights.keys()]).toEqual(names.filter((name) => name !== "fc3.bias"));
    expect(await refused(partial(), { allowMissing: ["fc3.*"], format: "onnx" })).toContain(
      "ONNX needs all weights of the network; --allow-missing leaves out fc3.bias",
    );
  });

  test("refuses patterns without a match", async () => {
    expect(await refused(partial(), { allowMissing: ["fc3.*", "conv9"] })).toContain(
      '--allow-missing "conv9" meets no name',
    );
    expect(await refused(extra(), { allowUnexpected: ["head", "tail"] })).toContain(
      '--allow-unexpected "tail" meets no name',
    );
  });
});

test("refuses NaN and names the array", async () => {
  const bad = new Map(arrays);
  const { shape, data } = arrays.get("fc2.weight") as FileArray;
  const holed = Float32Array.from(data as Float32Array, (v, i) => (i === 3 ? Number.NaN : v));
  bad.set("fc2.weight", { dtype: "F32", shape, data: holed });
  writeFileSync(at("nan.safetensors"), writeSafetensors(bad));
  expect(await refused(at("nan.safetensors"))).toMatch(/nan\.safetensors: .*fc2\.weight.*NaN/);
});

test("takes the class count from the model's last layer, in any order of arrays", async () => {
  for (const order of [[...arrays].reverse(), [...arrays].sort(([a], [b]) => (a < b ? -1 : 1)), rotated()]) {
    const wrapped = order.map(([name, array]) => [`module.${name}`, array] as const);
    writeFileSync(at("order.safetensors"), writeSafetensors(new Map(wrapped)));
    expectAll((await load(at("order.safetensors"))).weights);
  }
});

/** Order of names after torch.nn.utils.prune: pruned parameters come last. */
function rotated() {
  const all = [...arrays];
  const pruned = all.findIndex(([name]) => name === "fc1.weight");
  return [...all.slice(0, pruned), ...all.slice(pruned + 1), all[pruned]!];
}

test("refuses a torch.save file without a dict", async () => {
  writeFileSync(at("none.pth"), archive(pickle(bytesOf("N")), {}));
  expect(await refused(at("none.pth"))).toMatch(/none\.pth: expected a dict of tensors by name, got None$/);
});

describe("models in several files", () => {
  const shard = (file: string, part: readonly string[]) =>
    writeFileSync(at(file), writeSafetensors(new Map(part.map((name) => [name, arrays.get(name) as FileArray]))));
  const files = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"] as const;
  shard(files[0], names.slice(0, 4));
  shard(files[1], names.slice(4));
  const map = Object.fromEntries(names.map((name, k) => [name, files[k < 4 ? 0 : 1]]));
  writeFileSync(at("model.safetensors.index.json"), JSON.stringify({ metadata: {}, weight_map: map }));

  test("are read by their index", async () => {
    expectAll((await load(at("model.safetensors.index.json"))).weights);
  });

  test("refuses one shard, and names the index", async () => {
    expect(await refused(at(files[0]))).toMatch(/this is one of 2 shards: give .*model\.safetensors\.index\.json$/);
  });

  test("refuses a folder, and names the file", async () => {
    mkdirSync(at("empty"));
    expect(await refused(at("empty"))).toContain("holds no model.safetensors");
  });
});
