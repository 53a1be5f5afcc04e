// `espalier import`: a spiking network as NIR and back, read by the other commands.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { exportNir } from "../../src/export/index.ts";
import { readModelWeights, writeSafetensors } from "../../src/io/index.ts";
import { AvgPool2d, Conv2d, Flatten, IFNode, LIFNode, Linear, Sequential } from "../../src/nn/index.ts";
import { writeNir } from "../../src/node/nir_file.ts";
import { espalierHere } from "../support/cli_here.ts";
import { squaresFolder } from "../support/idx_folder.ts";

const scratch = mkdtempSync(join(tmpdir(), "espalier-import-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const at = (name: string) => join(scratch, name);

beforeAll(async () => {
  const model = new Sequential([
    ...[new Conv2d(1, 4, 5, { stride: 2 }), new IFNode(), new AvgPool2d({ kernel: 2, stride: 2 })],
    ...[new Flatten(), new Linear(4 * 36, 4), new LIFNode({ tau: 2 })],
  ]);
  const weights = new Map(
    [...model.namedState()].map(([name, p]) => [name, { data: p.initialValues().map((v) => 2 * v), shape: p.shape }]),
  );
  writeFileSync(at("net.nir"), await writeNir(exportNir(model, { input: [1, 28, 28], weights, dt: 0.001 })));
});

async function run(...args: string[]) {
  const { out, err, code } = await espalierHere(args);
  expect(`${code} ${code === 0 ? "" : err}`).toBe("0 ");
  return out;
}
const last = (out: string) => JSON.parse(out.trim().split("\n").at(-1)!) as Record<string, unknown>;

test("writes a model file with the weights and the graph, which goes back to the same NIR", async () => {
  const record = last(await run("import", at("net.nir"), "--time-steps", "6", "--json"));
  expect(record).toMatchObject({ model: "nir", sample: [1, 28, 28], classes: 4, timeSteps: 6, dt: 0.001, arrays: 4 });
  const { weights, metadata } = readModelWeights(new Uint8Array(readFileSync(at("net.safetensors"))), "net");
  expect([...weights.values()].map(({ shape }) => shape)).toEqual([[4, 1, 5, 5], [4], [4, 144], [4]]);
  // The graph has no weights: they are not twice in the file.
  expect(metadata.get("nir")!.length).toBeLessThan(4000);
  await run("export", at("net.safetensors"), "--format", "nir", "--output", at("again.nir"));
  await run("import", at("again.nir"), "--output", at("again.safetensors"));
  const again = readModelWeights(new Uint8Array(readFileSync(at("again.safetensors"))), "again");
  expect([...again.weights.values()].map(({ data }) => data)).toEqual([...weights.values()].map(({ data }) => data));
  expect(again.metadata.get("nir")).toBe(metadata.get("nir"));
});

test("eval tests it, sparse or not, and compact and export read it", async () => {
  const data = squaresFolder(at("data"), 20, 20);
  const flags = ["--data", "idx", "--data-dir", data, "--json"];
  const dense = last(await run("eval", at("net.safetensors"), ...flags));
  expect(dense["samples"]).toBe(20);
  await run("export", at("net.safetensors"), "--format", "sparse");
  const sparse = last(await run("eval", at("net.sparse.safetensors"), ...flags));
  expect(sparse["loss"]).toBe(dense["loss"]);
  await run("compact", at("net.safetensors"));
  const small = last(await run("eval", at("net.compact.safetensors"), ...flags));
  expect(small["loss"]).toBeCloseTo(dense["loss"] as number, 5);
});

test("faults of files and flags are named", async () => {
  const refused = async (words: string, ...args: string[]) => {
    const { err, code } = await espalierHere(args);
    expect(err).toContain(words);
    expect(code).toBe(2);
  };
  await refused("no such file or directory", "import", at("none.nir"));
  await refused("--output: expected a .safetensors file", "import", at("net.nir"), "--output", at("a.onnx"));
  await refused("--time-steps: expected an integer >= 1, got 0", "import", at("net.nir"), "--time-steps", "0");
  await refused("--dt: expected a number > 0, got 0", "import", at("net.nir"), "--dt", "0");
  writeFileSync(at("text.nir"), "no graph");
  await refused("text.nir", "import", at("text.nir"));
  const flat = new Sequential([new Linear(4, 3), new IFNode()]);
  const weights = new Map(
    [...flat.namedState()].map(([name, p]) => [name, { data: p.initialValues(), shape: p.shape }]),
  );
  writeFileSync(at("flat.nir"), await writeNir(exportNir(flat, { input: [4], weights })));
  await refused("expected samples [c, h, w], got [4]", "import", at("flat.nir"));
  const metadata = { model: "nir", input: "1x28x28", classes: "4" };
  const zeros = new Map([["a.weight", { data: new Float32Array(4), shape: [4, 1] }]]);
  writeFileSync(at("bare.safetensors"), writeSafetensors(zeros, metadata));
  await refused('got no metadata "nir"', "export", at("bare.safetensors"), "--format", "nir");
  writeFileSync(at("bad.safetensors"), writeSafetensors(zeros, { ...metadata, nir: "{}" }));
  await refused('its metadata "nir" is corrupt', "export", at("bad.safetensors"), "--format", "nir");
  const named = ["export", at("net.safetensors"), "--format", "nir", "--classes", "4", "--output", at("x.nir")];
  await refused("--classes: is for a network by name", ...named);
  const int8 = ["export", at("net.safetensors"), "--format", "onnx", "--int8"];
  await refused("--int8: expected a network without spiking neurons, got nir", ...int8);
  await refused("expected one of", "export", at("net.safetensors"), "--format", "nir", "--model", "nir");
});
