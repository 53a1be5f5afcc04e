// Batch norm: milliseconds of forward and of forward with backward, with ReLU fused and apart, checked against float64
// first. Run: node --import tsx --import ./tools/wgsl_node.mjs bench/batch_norm.ts [part of a shape, as 256,8]
import { Tape } from "../src/autograd/index.ts";
import { currentGpu, requestGpu } from "../src/gpu/index.ts";
import { installGpu } from "../src/node/dawn.ts";
import { batchNorm, batchNormRelu } from "../src/ops/batch_norm.ts";
import { relu } from "../src/ops/unary.ts";
import { Scope, type Tensor, tensor } from "../src/tensor/index.ts";
import { normalise, trainingGradients } from "../test/reference/batch_norm.ts";
import { expectClose } from "../test/support/close.ts";
import { randomArray } from "../test/support/random.ts";

// LeNet's two, ResNet's first and last, and few channels that are long: the last is what slices are for.
const shapes = [
  [256, 8, 14, 14],
  [256, 16, 7, 7],
  [16, 16, 32, 32],
  [16, 64, 8, 8],
  [64, 4, 64, 64],
];

const ROUNDS = 7;
const [filter = ""] = process.argv.slice(2);
await installGpu();
const gpu = await requestGpu();
console.log(`adapter: ${gpu.adapter.description}`);

type Norm = (x: Tensor, weight: Tensor, bias: Tensor) => Tensor;
const options = { training: true };
const fused: Norm = (x, w, b) => batchNormRelu(x, w, b, null, null, options);
const apart: Norm = (x, w, b) => relu(batchNorm(x, w, b, null, null, options));
const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1] as number;

async function time(run: () => void, repeat: number): Promise<number> {
  const start = performance.now();
  for (let i = 0; i < repeat; i++) run();
  await currentGpu().wait();
  return (performance.now() - start) / repeat;
}

for (const shape of shapes.filter((s) => s.join(",").includes(filter))) {
  using _scope = new Scope();
  const [, channels = 1] = shape;
  const size = shape.reduce((a, b) => a * b);
  const values = {
    x: randomArray(size, 1),
    weight: new Float32Array(channels).fill(1.5),
    bias: randomArray(channels, 2),
  };
  const x = tensor(values.x, shape);
  const weight = tensor(values.weight);
  const bias = tensor(values.bias);
  const upstream = randomArray(size, 3);
  const dy = tensor(upstream, shape);
  const leaves = [x, weight, bias] as const;
  const forward = (norm: Norm) => {
    using _inner = new Scope();
    norm(...leaves);
  };
  const both = (norm: Norm) => {
    using _inner = new Scope();
    using tape = new Tape();
    tape.backward(norm(...leaves), dy);
    for (const t of leaves) t.gradArrived = false;
  };

  const want = normalise({ shape, training: true, relu: true }, values.x, values).y;
  const gated = upstream.map((v, i) => ((want[i] as number) > 0 ? v : 0));
  const grads = trainingGradients(shape, values.x, values.weight, gated);
  for (const t of leaves) t.requiresGrad = true;
  for (const norm of [fused, apart]) {
    expectClose(await norm(...leaves).data(), want, { rtol: 3e-6, atol: 0 }, `${shape} y`);
    both(norm);
    // An output within rounding of 0 may be gated the other way: that is one element of dy in dx and in the sums.
    expectClose(await (x.grad as Tensor).data(), grads.x, { rtol: 1e-3, atol: 0 }, `${shape} dx`);
    expectClose(await (weight.grad as Tensor).data(), grads.weight, { rtol: 1e-3, atol: 0.01 }, `${shape} dweight`);
    expectClose(await (bias.grad as Tensor).data(), grads.bias, { rtol: 1e-3, atol: 0.01 }, `${shape} dbias`);
  }
  const passes = { forward, "forward and backward": both };
  console.log(`\n[${shape}], ${(size / channels).toFixed(0)} values a channel`);
  for (const [pass, run] of Object.entries(passes)) {
    const times = new Map<Norm, number[]>([
      [apart, []],
      [fused, []],
    ]);
    const repeat = Math.max(1, Math.min(50, Math.round(60 / (await time(() => run(apart), 1)))));
    // Interleaved, so that a busy machine disturbs both alike.
    for (let round = 0; round < ROUNDS; round++) {
      for (const [norm, list] of times) list.push(await time(() => run(norm), repeat));
    }
    const [slow, fast] = [median(times.get(apart) as number[]), median(times.get(fused) as number[])];
    const row = `${pass.padEnd(21)} apart ${slow.toFixed(2).padStart(7)} ms  fused ${fast.toFixed(2).padStart(7)} ms`;
    console.log(`${row}  ${(slow / fast).toFixed(2)}x`);
  }
  for (const t of leaves) t.grad?.dispose();
}
gpu.destroy();
process.exit(0);
