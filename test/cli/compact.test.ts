// `espalier compact` without a GPU: the smaller file loads by its name, its ONNX graph has the same outputs, and faults are named.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { type CompactFlags, runCompact } from "../../src/cli/compact.ts";
import { runExport } from "../../src/cli/export.ts";
import { readModelWeights, writeSafetensors } from "../../src/io/index.ts";
import { type BuildOptions, buildModel } from "../../src/models/index.ts";
import type { StateDict } from "../../src/nn/index.ts";
import { loadOnnx, relativeError } from "../export/onnx_runtime.ts";
import { withDeadChannels } from "../support/dead_channels.ts";
import { randomArray } from "../support/random.ts";

const scratch = mkdtempSync(join(tmpdir(), "espalier-compact-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const at = (name: string) => join(scratch, name);
const bytesOf = (path: string) => new Uint8Array(readFileSync(path));

type Result = Record<string, unknown>;
const quiet = (said: string[], results: Result[]) => ({
  json: true,
  say: (line: string) => said.push(line),
  emit: (record: Result) => results.push(record),
});

/** Run the command without a comparison on a GPU. */
async function compact(flags: CompactFlags): Promise<{ said: string; result: Result }> {
  const [said, results]: [string[], Result[]] = [[], []];
  expect(await runCompact({ check: false, ...flags }, quiet(said, results) as never)).toBe(0);
  return { said: said.join("\n"), result: results[0]! };
}

function save(name: string, model: string, input: readonly [number, number], options: BuildOptions = {}): string {
  const [channels, size] = input;
  const built = buildModel(model, { channels, size, classes: 10 }, options);
  const state: StateDict = withDeadChannels(built, { sample: [channels, size, size], share: 0.5, silent: 1 });
  const metadata = { model, input: `${channels}x${size}x${size}`, classes: "10", data: "mnist", seed: "4" };
  writeFileSync(at(name), writeSafetensors(state as never, metadata));
  return at(name);
}

/** Compute the logits of a file through its ONNX graph. */
async function logitsOf(path: string, shape: readonly number[], model?: string): Promise<Float32Array> {
  const output = `${path}.onnx`;
  await runExport({ path, format: "onnx", output, ...(model ? { model } : {}) }, quiet([], []) as never);
  const runtime = await loadOnnx(bytesOf(output));
  const data = randomArray(
    shape.reduce((a, b) => a * b),
    2,
  );
  const { logits } = await runtime.run({ input: { data, shape } });
  await runtime.release();
  return logits!.data;
}

test.each([
  ["lenet-bn", [1, 28]],
  ["resnet-20", [3, 32]],
  ["resnet-8", [3, 32]],
  ["mobilenet-small", [1, 28]],
] as const)("%s: the file loads by its name, and its ONNX graph has the same outputs", async (model, input) => {
  const path = save(`${model}.safetensors`, model, input);
  const { said, result } = await compact({ path });
  const output = at(`${model}.compact.safetensors`);
  expect(result).toMatchObject({ kind: "result", input: path, output, model, difference: null });
  const [weightsBefore, weightsAfter] = result["weights"] as number[];
  const [macsBefore, macsAfter] = result["multiplyAdds"] as number[];
  expect(weightsAfter!).toBeLessThan(weightsBefore!);
  expect(macsAfter!).toBeLessThan(macsBefore!);
  expect(said).toMatch(/fewer multiply-adds$/);
  const { weights, metadata } = readModelWeights(bytesOf(output), "small");
  expect([...weights.keys()].some((name) => name.endsWith("running_mean"))).toBe(false);
  expect(metadata.get("seed")).toBe("4");
  const shape = [2, input[0], input[1], input[1]];
  expect(relativeError(await logitsOf(output, shape), await logitsOf(path, shape))).toBeLessThan(1e-5);
});

test("keeps batch norm with --no-fold, and compacts a compacted file", async () => {
  const path = save("twice.safetensors", "lenet-bn", [1, 28]);
  const once = await compact({ path, fold: false, output: at("once.safetensors") });
  const { weights } = readModelWeights(bytesOf(at("once.safetensors")), "once");
  expect(weights.get("1.running_mean")!.shape).toEqual([weights.get("0.weight")!.shape[0]]);
  const again = await compact({ path: at("once.safetensors"), output: at("again.safetensors") });
  expect(again.result["weights"]).toEqual([
    (once.result["weights"] as number[])[1],
    (once.result["weights"] as number[])[1],
  ]);
  const shape = [2, 1, 28, 28];
  expect(relativeError(await logitsOf(at("again.safetensors"), shape), await logitsOf(path, shape))).toBeLessThan(1e-5);
});

test("writes a compacted model in the sparse format, which loads by its name too", async () => {
  const path = save("sparse.safetensors", "lenet-bn", [1, 28]);
  await compact({ path });
  const small = at("sparse.compact.safetensors");
  const output = at("small.sparse.safetensors");
  await runExport({ path: small, format: "sparse", output }, quiet([], []) as never);
  const shape = [1, 1, 28, 28];
  expect(await logitsOf(output, shape)).toEqual(await logitsOf(small, shape));
});

test("compacts spiking networks", async () => {
  const path = save("spiking.safetensors", "spiking-cnn", [1, 28]);
  const { result } = await compact({ path });
  expect((result["weights"] as number[])[1]).toBeLessThan((result["weights"] as number[])[0]!);
});

test("names dead channels that stay, and the reason", async () => {
  const path = save("kept.safetensors", "resnet-8", [3, 32]);
  const { said } = await compact({ path });
  expect(said).toMatch(/^layer1\.0\.conv2: \d+ dead channels? not removed: they are joined with live channels that/m);
});

test("names faults of files and flags, and writes nothing", async () => {
  const path = save("fault.safetensors", "lenet-bn", [1, 28]);
  await expect(compact({ path, output: path })).rejects.toThrow("is the file to be compacted; give --output");
  await expect(compact({ path, output: at("small.onnx") })).rejects.toThrow("--output: expected a .safetensors file");
  const { weights, metadata } = readModelWeights(bytesOf(path), "fault");
  weights.get("0.weight")!.data.fill(0);
  writeFileSync(at("dead.safetensors"), writeSafetensors(weights, Object.fromEntries(metadata)));
  await expect(compact({ path: at("dead.safetensors") })).rejects.toThrow(
    "dead.safetensors: the network is dead: its outputs are the same for every input; layers without live outputs: 0",
  );
  const corrupt = (name: string, text: string) => {
    writeFileSync(at(name), writeSafetensors(weights, { ...Object.fromEntries(metadata), compact: text }));
    return compact({ path: at(name) });
  };
  await expect(corrupt("a.safetensors", "{")).rejects.toThrow('its metadata "compact" is corrupt: {');
  await expect(corrupt("b.safetensors", '{"0":{"weight":[0]}}')).rejects.toThrow('its metadata "compact" is corrupt');
  mkdirSync(at("empty"), { recursive: true });
  await expect(compact({ path: at("empty") })).rejects.toThrow("holds no model.safetensors");
});
