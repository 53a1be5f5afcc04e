// Adds an op from outside the library: the snake activation x + sin²(a x) / a, with its gradient, in WGSL. Checks the gradient,
// fits a wave with it, and exports the network to ONNX with an own rule.
// Run: npm run -s example -- own_op [--steps N]
import { parseArgs } from "node:util";
import { installGpu } from "@espalier/node";
import {
  captureStep,
  defineOp,
  expectFloat,
  gradcheck,
  grid1d,
  kernel,
  Linear,
  Module,
  manualSeed,
  mseLoss,
  outputLike,
  requestGpu,
  SGD,
  Tape,
  type Tensor,
  tensor,
} from "espalier";
import { exportOnnx } from "espalier/export";
import { pasteIncludes } from "espalier/wgsl";

// The header of a shader is the only declaration of its bindings: they are bound by name. lib/elements.wgsl of the engine calls
// element(i) for each i below params.n.
const shader = (bindings: string, body: string) =>
  pasteIncludes(`//!include "lib/elements.wgsl"
const ITEMS_PER_INVOCATION: u32 = 4u;
struct Params { n: u32, a: f32 }
${bindings}
fn element(i: u32) { ${body} }`);

const forwardKernel = kernel(
  "snake",
  shader(
    `@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;`,
    "let s = sin(params.a * x[i]); y[i] = x[i] + s * s / params.a;",
  ),
);
const backwardKernel = kernel(
  "snake_grad",
  shader(
    `@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read_write> dx: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;`,
    "dx[i] = dy[i] * (1.0 + sin(2.0 * params.a * x[i]));",
  ),
);

interface SnakeOptions {
  /** Frequency. Default 1. */
  readonly a?: number;
}

/** Snake: y = x + sin²(a x) / a. Shapes x [*] -> [*]. Backward dx = dy (1 + sin(2 a x)). Source Ziyin et al. 2020. */
const snake = defineOp({
  name: "snake",
  options: ["a"],
  infer([x]: [x: Tensor], _options: SnakeOptions) {
    expectFloat("snake", { x });
    return outputLike(x);
  },
  forward(y, [x], { a = 1 }) {
    forwardKernel.run({ bind: { x, y }, params: { n: x.numel, a }, grid: grid1d(x.numel) });
    return [x]; // saved for backward
  },
  backward(dy, [x], { options: { a = 1 }, out }) {
    const dx = out(0);
    backwardKernel.run({ bind: { x, dy, dx }, params: { n: x.numel, a }, grid: grid1d(x.numel) });
    return [dx];
  },
});

const { values } = parseArgs({ options: { steps: { type: "string", default: "1500" } } });
const steps = Number(values.steps);
if (!(Number.isInteger(steps) && steps > 0))
  throw new RangeError(`--steps: expected an integer >= 1, got ${values.steps}`);
await installGpu();
const gpu = await requestGpu();
console.log(`adapter: ${gpu.adapter.description}`);

const { checked, worst } = await gradcheck((x) => snake(x, { a: 2 }), [tensor([-3, -0.7, 0, 0.4, 2.5])], {
  reference: (x) => x.map((v) => v + Math.sin(2 * v) ** 2 / 2),
});
console.log(`gradcheck: ${checked} gradients, largest error ${worst[0]?.error.toExponential(1)}`);

/** One hidden layer of snakes. */
class Wave extends Module {
  readonly hidden = new Linear(1, 32);
  readonly out = new Linear(32, 1);

  forward(x: Tensor): Tensor {
    return this.out.forward(snake(this.hidden.forward(x), { a: 3 }));
  }
}

const POINTS = 256;
const x = Float32Array.from({ length: POINTS }, (_, i) => (4 * i) / POINTS - 2);
const y = x.map((v) => Math.sin(6 * v) + 0.3 * v);
manualSeed(0);
const model = new Wave();
const optimizer = new SGD(model.parameters(), { lr: (n) => 0.02 * (1 - n / steps), momentum: 0.9 });
const step = captureStep(({ x, y }: { x: Tensor; y: Tensor }) => {
  const tape = new Tape();
  const loss = tape.keep(mseLoss(model.forward(x), y));
  tape.backward(loss);
  optimizer.step();
  tape.dispose();
  return { loss };
});
const shape = [POINTS, 1];
for (let n = 0; n < steps; n++) step.run({ x: { data: x, shape }, y: { data: y, shape } });
console.log(`after ${steps} steps: mean squared error ${(await step.outputs.loss.item()).toFixed(4)}`);

const onnx = exportOnnx(model, {
  input: [1],
  weights: await model.stateDict(),
  rules: {
    snake(op) {
      const a = op.scalar(op.options<SnakeOptions>().a ?? 1);
      const s = op.add("Sin", [op.add("Mul", [op.x, a])]);
      op.end("Add", [op.x, op.add("Div", [op.add("Mul", [s, s]), a])]);
    },
  },
});
console.log(`ONNX: ${onnx.length} bytes`);
gpu.destroy();
