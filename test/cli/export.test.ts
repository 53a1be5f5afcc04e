// `espalier export`: models of runs and foreign weights as ONNX and safetensors; what does not fit is said, and nothing written.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { type ExportFlags, runExport } from "../../src/cli/export.ts";
import { main } from "../../src/cli/program.ts";
import { type FileArray, parseSafetensors, readModelWeights, writeSafetensors } from "../../src/io/index.ts";
import { type BuildOptions, buildModel } from "../../src/models/index.ts";
import { readNir } from "../../src/node/nir_file.ts";
import type { HostArray } from "../../src/tensor/index.ts";
import { loadOnnx, pruned } from "../export/onnx_runtime.ts";

const scratch = mkdtempSync(join(tmpdir(), "espalier-export-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const at = (name: string) => join(scratch, name);

function weightsOf(
  name: string,
  channels: number,
  size: number,
  options: BuildOptions = {},
): Map<string, HostArray<Float32Array>> {
  const state = [...buildModel(name, { channels, size, classes: 10 }, options).namedState()];
  return pruned(new Map(state.map(([key, p]) => [key, { data: p.initialValues(), shape: p.shape }]))) as never;
}
function save(
  name: string,
  weights: ReadonlyMap<string, HostArray<Float32Array>>,
  metadata: Record<string, string> = {},
): string {
  const arrays = [...weights].map(([key, a]) => [key, { dtype: "F32", ...a } as FileArray] as const);
  writeFileSync(at(name), writeSafetensors(new Map(arrays), metadata));
  return at(name);
}
const bytesOf = (path: string) => new Uint8Array(readFileSync(path));

/** Bytes in which a zero has no sign: a sparse file does not keep it. */
const plain = (data: Float32Array) => Buffer.from(data.map((v) => v + 0).buffer);

/** Runs the command; what it says and emits. */
async function run(flags: ExportFlags): Promise<{ said: string; result: Record<string, unknown> }> {
  const said: string[] = [];
  let result: Record<string, unknown> = {};
  const emit = (record: Record<string, unknown>) => {
    result = record;
  };
  expect(await runExport(flags, { json: true, say: (line) => said.push(line), emit })).toBe(0);
  return { said: said.join("\n"), result };
}

const lenet = weightsOf("lenet-bn", 1, 28);
mkdirSync(at("run"));
save("run/model.safetensors", lenet, { model: "lenet-bn", input: "1x28x28", classes: "10", data: "mnist", seed: "4" });

test("writes ONNX and both sparse layouts, which read back exactly", async () => {
  const onnx = await run({ path: at("run"), format: "onnx" });
  expect(onnx.result).toMatchObject({
    kind: "result",
    output: at("run/model.onnx"),
    model: "lenet-bn",
    sample: [1, 28, 28],
  });
  expect(onnx.result["sparsity"]).toBeGreaterThan(0.89);
  const runtime = await loadOnnx(bytesOf(at("run/model.onnx")));
  const { logits } = await runtime.run({ input: { data: new Float32Array(2 * 784).fill(1), shape: [2, 1, 28, 28] } });
  expect(logits!.shape).toEqual([2, 10]);
  await runtime.release();
  const sizes: number[] = [];
  for (const [layout, file] of [
    ["bitmask", "model.sparse.safetensors"],
    ["csr", "model.csr.safetensors"],
  ] as const) {
    const { result } = await run({ path: at("run"), format: "sparse", layout });
    expect(result).toMatchObject({ layout, output: at(`run/${file}`), arrays: lenet.size });
    const { weights, metadata } = readModelWeights(bytesOf(at(`run/${file}`)), file);
    for (const [name, { data }] of lenet) expect(Buffer.compare(plain(weights.get(name)!.data), plain(data))).toBe(0);
    expect(metadata.get("seed")).toBe("4");
    sizes.push(result["bytes"] as number);
    // From sparse to dense again, under its own name.
    const back = await run({ path: at(`run/${file}`), format: "safetensors", output: at(`${layout}.safetensors`) });
    expect([...parseSafetensors(bytesOf(at(`${layout}.safetensors`))).tensors.keys()]).toEqual([...lenet.keys()]);
    expect(back.result["bytes"]).toBeGreaterThan(sizes[0]!);
  }
  expect(new Set(sizes).size).toBe(2);
});

test("writes ONNX in f16, for ONNX alone", async () => {
  const output = at("half.onnx");
  const full = await run({ path: at("run"), format: "onnx" });
  const { result } = await run({ path: at("run"), format: "onnx", precision: "f16", output });
  expect(result["bytes"]).toBeLessThan(0.6 * (full.result["bytes"] as number));
  const runtime = await loadOnnx(bytesOf(output));
  const { logits } = await runtime.run({ input: { data: new Float32Array(784).fill(1), shape: [1, 1, 28, 28] } });
  expect(logits!.data).toBeInstanceOf(Float32Array);
  await runtime.release();
  await expect(run({ path: at("run"), format: "safetensors", precision: "f16" })).rejects.toThrow(
    "--precision: expected --format onnx, got --format safetensors",
  );
});

test("translates names of foreign weights with --model, and keeps them without", async () => {
  const weights = weightsOf("resnet-20", 3, 32);
  const path = save("foreign.safetensors", new Map([...weights].map(([name, a]) => [`module.${name}`, a])));
  const { said } = await run({ path, format: "onnx", model: "resnet-20", size: 32 });
  expect(said).toContain("names translated: data-parallel");
  const runtime = await loadOnnx(bytesOf(at("foreign.onnx")));
  const { logits } = await runtime.run({ input: { data: new Float32Array(3 * 1024), shape: [1, 3, 32, 32] } });
  expect(logits!.shape).toEqual([1, 10]);
  await runtime.release();
  const kept = await run({ path, format: "sparse" });
  expect(kept.said).toContain("does not name its model, so its names stay");
  const names = readModelWeights(bytesOf(at("foreign.sparse.safetensors")), "f").weights;
  expect([...names.keys()].every((name) => name.startsWith("module."))).toBe(true);
  await run({ path, format: "safetensors", model: "resnet-20", size: 32, output: at("named.safetensors") });
  const named = readModelWeights(bytesOf(at("named.safetensors")), "n");
  expect([...named.weights.keys()]).toEqual([...weights.keys()]);
  expect(named.metadata.get("input")).toBe("3x32x32");
});

test.each(["identity", "projection"] as const)(
  "reads a ResNet for CIFAR with the names of other repositories, shortcuts %s",
  async (shortcut) => {
    const weights = weightsOf("resnet-20", 3, 32, { shortcut });
    const foreign = (name: string) =>
      `module.${name.replace(/^fc\./, "linear.").replace(".downsample.", ".shortcut.")}`;
    const path = save("cifar.safetensors", new Map([...weights].map(([name, a]) => [foreign(name), a])));
    const { said } = await run({ path, format: "safetensors", model: "resnet-20", size: 32, output: at("own.st") });
    expect(said).toContain("names translated: data-parallel");
    expect(said).toContain("names translated: cifar-resnet");
    const named = readModelWeights(bytesOf(at("own.st")), "n").weights;
    expect([...named.keys()]).toEqual([...weights.keys()]);
  },
);

test("exports one time step of a spiking network", async () => {
  const path = save("spikes.safetensors", weightsOf("spiking-cnn", 1, 28), {
    ...{ model: "spiking-cnn", input: "1x28x28", data: "mnist" },
    time: JSON.stringify({ timeSteps: 3, neuron: "lif" }),
  });
  await run({ path, format: "onnx" });
  const runtime = await loadOnnx(bytesOf(at("spikes.onnx")));
  expect(runtime.inputs.filter((name) => name.startsWith("v_in."))).not.toHaveLength(0);
  await runtime.release();
});

test.each([
  ["nothing there", { path: at("none") }, /none: no such file or directory/],
  ["a folder without a model", { path: scratch }, /holds no model\.safetensors; has the run finished\?/],
  ["a layout of what has none", { layout: "csr" as const }, /--layout: expected --format sparse, got --format onnx/],
  ["its own place", { format: "safetensors" as const }, /is the file to be exported; give --output/],
  ["no folder to write to", { output: at("no/where.onnx") }, /there is no folder/],
  ["another model", { model: "lenet" }, /does not fit the model: [\s\S]*missing in the file/],
  ["other classes", { classes: 7 }, /does not fit the model: [\s\S]*9\.weight/],
  ["time for a model without", { timeSteps: 3 }, /--time-steps: lenet-bn has no spiking neurons/],
  ["weights without a model name", { path: save("anon.safetensors", lenet) }, /does not name its model; give --model/],
  [
    "a damaged shape",
    { path: save("bad.safetensors", lenet, { model: "lenet-bn", input: "1x-2" }) },
    /metadata "input" is corrupt/,
  ],
  [
    "an unknown model",
    { path: save("odd.safetensors", lenet, { model: "../x" }) },
    /names the unknown model \.\.\/x; give --model/,
  ],
])("refuses %s, and writes nothing", async (_, change, message) => {
  const before = readdirSync(scratch, { recursive: true }).length;
  await expect(run({ path: at("run/model.safetensors"), format: "onnx", ...change })).rejects.toThrow(message);
  expect(readdirSync(scratch, { recursive: true }).length).toBe(before);
});

test("checks its flags", async () => {
  expect(await main(["export", at("run")])).toBe(2);
  expect(await main(["export", at("run"), "--format", "gif"])).toBe(2);
});

test("writes a spiking network as NIR, and refuses what has no NIR", async () => {
  const spiking = weightsOf("spiking-cnn", 1, 28);
  const metadata = { model: "spiking-cnn", input: "1x28x28", classes: "10", data: "mnist" };
  const file = save("spiking.safetensors", spiking, metadata);
  const { result } = await run({ path: file, format: "nir", dt: 0.001 });
  expect(result).toMatchObject({ format: "nir", output: at("spiking.nir"), model: "spiking-cnn" });
  const graph = await readNir(bytesOf(at("spiking.nir")), "spiking.nir");
  expect([...graph.nodes.keys()].sort()).toEqual(
    ["conv1", "conv2.module.0", "fc1.module.0", "fc1.module.1", "fc2", "input", "output", "sn1", "sn2", "sn3"].sort(),
  );
  expect(graph.metadata).toMatchObject({ model: "spiking-cnn", dt: "0.001", time_steps: "4" });
  await expect(run({ path: at("run"), format: "nir" })).rejects.toThrow(
    "exportNir: batchNormRelu in 1: NIR has no node for it",
  );
  await expect(run({ path: file, format: "onnx", dt: 1 })).rejects.toThrow(
    "--dt: expected --format nir, got --format onnx",
  );
});
