import { afterEach, expect, test } from "vitest";
import { noGrad } from "../../src/autograd/index.ts";
import { readWeights } from "../../src/io/index.ts";
import { BatchNorm2d, Conv2d, Flatten, Linear, loadState, type Module, ReLU, Sequential } from "../../src/nn/index.ts";
import { Scope, tensor } from "../../src/tensor/index.ts";
import { values } from "../io/torch/values.ts";
import { fetchBytes } from "../support/fetch_bytes.ts";

const file = (name: string) => fetchBytes(new URL(`../io/torch/${name}`, import.meta.url));
const fixture = (name: string) => file(`${name}.pt`);

const net = (classes = 3) =>
  new Sequential([new Conv2d(1, 2, 3), new BatchNorm2d(2), new ReLU(), new Flatten(), new Linear(32, classes)]);
const models: Module[] = [];
const built = (classes?: number) => {
  const model = net(classes);
  models.push(model);
  return model;
};
afterEach(() => {
  for (const model of models.splice(0)) model.dispose();
});

test.each(["net", "checkpoint", "model_key_legacy"])("a .pt file gives the outputs of PyTorch: %s", async (name) => {
  using _scope = new Scope();
  const { weights } = await readWeights(await fixture(name), name);
  const model = built();
  expect(loadState(model, weights)).toMatchObject({ missing: [], unexpected: [], counters: 1 });
  const expected = JSON.parse(new TextDecoder().decode(await file("expected.json"))) as {
    net_logits: number[];
  };
  const x = tensor(new Float32Array(values(72, 5)), [2, 1, 6, 6]);
  const logits = [...(await noGrad(() => model.eval().forward(x)).data())];
  expect(logits).toHaveLength(6);
  for (const [i, want] of expected.net_logits.entries()) expect(logits[i]).toBeCloseTo(want, 4);
});

test("writes only arrays that fit: another head keeps its initial values, and a refusal changes nothing", async () => {
  const { weights } = await readWeights(await fixture("net"));
  const model = built(7);
  const before = await model.stateDict();
  expect(() => loadState(model, weights)).toThrow("4.weight: expected [7,32], got [3,32]");
  expect(await model.stateDict()).toEqual(before);

  const report = loadState(model, weights, { head: "new" });
  expect(report.head).toBe("4 is new: 7 outputs, the file has 3");
  const after = await model.stateDict();
  for (const [name, { data }] of after) {
    expect(data, name).toEqual(name.startsWith("4.") ? before.get(name)?.data : weights.get(name)?.data);
  }
  expect(loadState(built(7), weights, { strict: false }).mismatched.map(({ name }) => name)).toEqual([
    "4.weight",
    "4.bias",
  ]);
});

test("Module.loadStateDict refuses values of another type", async () => {
  const model = built();
  const state = await model.stateDict();
  state.set("0.bias", { data: Int32Array.of(1, 2), shape: [2] });
  expect(() => loadState(model, state)).toThrow("0.bias: expected float32 values");
});
