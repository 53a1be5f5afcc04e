import { expect, test } from "vitest";
import { Tape } from "../../src/autograd/index.ts";
import { ResNetCifar } from "../../src/models/index.ts";
import { manualSeed, type Parameter, summarize } from "../../src/nn/index.ts";
import { readAll, Scope, tensor } from "../../src/tensor/index.ts";
import { expectClose } from "../support/close.ts";
import { randomArray } from "../support/random.ts";

const config = { width: 4, blocks: 1, classes: 3 };

function make(fuse: boolean): ResNetCifar {
  manualSeed(7);
  return new ResNetCifar({ ...config, fuse });
}

test("fused and unfused: the same names, and a summary of the same layers except the ReLUs", () => {
  const [fused, apart] = [make(true), make(false)];
  const names = (m: ResNetCifar) => [...m.namedState()].map(([name]) => name);
  expect(names(fused)).toEqual(names(apart));
  expect(names(fused)).toContain("layer2.0.downsample.1.running_var");
  const layers = summarize(fused, [3, 16, 16]).layers;
  expect(layers).toEqual(summarize(apart, [3, 16, 16]).layers);
  expect(layers.filter((l) => l.type === "BatchNorm2d").map((l) => l.name)).toContain("layer3.0.bn2");
});

test("fused and unfused agree in loss, every gradient and the running statistics", async () => {
  using _scope = new Scope();
  const x = tensor(randomArray(2 * 3 * 16 * 16, 1), [2, 3, 16, 16]);
  const results: Map<string, Float32Array>[] = [];
  for (const fuse of [true, false]) {
    const model = make(fuse);
    {
      using tape = new Tape();
      const y = tape.keep(model.forward(x));
      tape.backward(y, tensor(randomArray(6, 2), [2, 3]));
      const parameters: [string, Parameter][] = [...model.namedParameters()];
      const grads = await readAll(y, ...parameters.map(([, p]) => p.grad!));
      const named = ["logits", ...parameters.map(([name]) => `gradient of ${name}`)];
      const state = await model.stateDict();
      results.push(
        new Map([
          ...named.map((name, i) => [name, grads[i] as Float32Array] as const),
          ...[...state].map(([name, { data }]) => [name, data as Float32Array] as const),
        ]),
      );
      for (const [, p] of parameters) p.grad?.dispose();
    }
    model.dispose();
  }
  const [fused, apart] = results as [Map<string, Float32Array>, Map<string, Float32Array>];
  expect([...fused.keys()]).toEqual([...apart.keys()]);
  for (const [name, values] of apart) expectClose(fused.get(name)!, values, { rtol: 1e-5, atol: 1e-6 }, name);
});
