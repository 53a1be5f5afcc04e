import { expect, test } from "vitest";
import { Tape } from "../../src/autograd/index.ts";
import { BasicBlock, ResNetCifar, type ShortcutKind } from "../../src/models/index.ts";
import { manualSeed, type Parameter, summarize } from "../../src/nn/index.ts";
import { readAll, Scope, tensor } from "../../src/tensor/index.ts";
import { expectClose } from "../support/close.ts";
import { randomArray } from "../support/random.ts";

const config = { width: 4, blocks: 1, classes: 3 };
const SHORTCUTS = ["identity", "projection"] as const;

function make(fuse: boolean, shortcut: ShortcutKind): ResNetCifar {
  manualSeed(7);
  return new ResNetCifar({ ...config, fuse, shortcut });
}

test("fused and unfused: the same names, and a summary of the same layers except the ReLUs", () => {
  const [fused, apart] = [make(true, "projection"), make(false, "projection")];
  const names = (m: ResNetCifar) => [...m.namedState()].map(([name]) => name);
  expect(names(fused)).toEqual(names(apart));
  expect(names(fused)).toContain("layer2.0.downsample.1.running_var");
  const layers = summarize(fused, [3, 16, 16]).layers;
  expect(layers).toEqual(summarize(apart, [3, 16, 16]).layers);
  expect(layers.filter((l) => l.type === "BatchNorm2d").map((l) => l.name)).toContain("layer3.0.bn2");
});

test.each(SHORTCUTS)("%s: fused and unfused agree in every gradient and the running statistics", async (shortcut) => {
  using _scope = new Scope();
  const x = tensor(randomArray(2 * 3 * 16 * 16, 1), [2, 3, 16, 16]);
  const results: Map<string, Float32Array>[] = [];
  for (const fuse of [true, false]) {
    const model = make(fuse, shortcut);
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

// Option A of He et al. 2016: pixels (0, 0), (0, 2), ... of each channel, between as many channels of zeros before and after.
test.each([
  [6, 4, 8],
  [5, 4, 8],
  [4, 3, 6],
])("the identity shortcut of a block: images of %i pixels, %i channels to %i", async (size, from, to) => {
  using _scope = new Scope();
  const block = new BasicBlock(from, to, 2, { shortcut: "identity" });
  // The second batch norm gives zeros, so that the block is the ReLU of its shortcut.
  for (const p of [block.bn2.weight, block.bn2.bias]) p?.set(new Float32Array(to));
  const values = randomArray(2 * from * size * size, 3);
  const half = Math.ceil(size / 2);
  const before = Math.floor((to - from) / 2);
  const want = new Float32Array(2 * to * half * half);
  const dx = new Float32Array(values.length);
  const dy = randomArray(want.length, 4);
  for (let i = 0; i < want.length; i++) {
    const [n, c] = [Math.floor(i / (to * half * half)), Math.floor(i / (half * half)) % to];
    const [row, column] = [Math.floor(i / half) % half, i % half];
    if (c < before || c >= before + from) continue;
    const at = ((n * from + c - before) * size + 2 * row) * size + 2 * column;
    want[i] = Math.max(0, values[at]!);
    if (values[at]! > 0) dx[at] = dy[i]!;
  }
  using tape = new Tape();
  const x = tensor(values, [2, from, size, size]);
  x.requiresGrad = true;
  const y = tape.keep(block.forward(x));
  expect(await y.data()).toEqual(want);
  tape.backward(y, tensor(dy, y.shape));
  expect(await x.grad!.data()).toEqual(dx);
  block.dispose();
});
