// Prunes a custom model: a Module subclass whose forward thresholds its weights itself, in a custom training loop.
// The data are a two-arm spiral.
// Run: npm run -s example -- prune_custom_model [--steps N]
import { parseArgs } from "node:util";
import { installGpu } from "@espalier/node";
import {
  add,
  captureStep,
  countCorrect,
  crossEntropy,
  defaultWeightInit,
  Linear,
  linear,
  Module,
  manualSeed,
  Parameter,
  relu,
  requestGpu,
  Scope,
  SGD,
  scalar,
  Tape,
  type Tensor,
  tensor,
} from "espalier";
import { softThreshold } from "espalier/prune";

const { values } = parseArgs({ options: { steps: { type: "string", default: "400" } } });
const steps = Number(values.steps);
if (!(Number.isInteger(steps) && steps > 0))
  throw new RangeError(`--steps: expected an integer >= 1, got ${values.steps}`);
await installGpu();
const gpu = await requestGpu();
console.log(`adapter: ${gpu.adapter.description}`);

/** A linear layer that reads its weight through a soft threshold. Gradients pass straight through, so zeros may regrow. */
class ShrunkLinear extends Module {
  readonly weight: Parameter;
  readonly threshold: Tensor;

  constructor(inFeatures: number, outFeatures: number, threshold: Tensor) {
    super();
    this.weight = new Parameter([outFeatures, inFeatures], defaultWeightInit);
    this.threshold = threshold;
  }

  effective(): Tensor {
    return softThreshold(this.weight, this.threshold, { straightThrough: true });
  }

  forward(x: Tensor): Tensor {
    return linear(x, this.effective(), null);
  }
}

/** Two thresholded layers with a shortcut around the second. */
class Spiral extends Module {
  readonly stem = new Linear(2, 64);
  readonly first: ShrunkLinear;
  readonly second: ShrunkLinear;
  readonly head = new Linear(64, 2);

  constructor(threshold: Tensor) {
    super();
    this.first = new ShrunkLinear(64, 64, threshold);
    this.second = new ShrunkLinear(64, 64, threshold);
  }

  forward(x: Tensor): Tensor {
    const a = relu(this.stem.forward(x));
    const b = relu(this.first.forward(a));
    return this.head.forward(add(b, relu(this.second.forward(b))));
  }
}

const POINTS = 512;
const x = new Float32Array(2 * POINTS);
const y = Int32Array.from({ length: POINTS }, (_, i) => i % 2);
for (let i = 0; i < POINTS; i++) {
  const t = i / POINTS;
  const angle = 9 * t + Math.PI * (i % 2);
  x.set([2 * t * Math.cos(angle), 2 * t * Math.sin(angle)], 2 * i);
}

manualSeed(7);
const threshold = scalar(0); // lives on the GPU: a replayed step sees what `set` last wrote
const model = new Spiral(threshold);
const optimizer = new SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
const step = captureStep(({ x, y }: { x: Tensor; y: Tensor }) => {
  using tape = new Tape();
  const loss = tape.keep(crossEntropy(model.forward(x), y));
  tape.backward(loss);
  optimizer.step();
  return { loss };
});

for (let n = 0; n < steps; n++) {
  threshold.set([0.06 * (1 - (1 - n / steps) ** 3)]);
  step.run({ x: { data: x, shape: [POINTS, 2] }, y: { data: y, shape: [POINTS] } });
  if ((n + 1) % 100 === 0 || n + 1 === steps) {
    console.log(`step ${n + 1}  loss ${(await step.outputs.loss.data())[0]?.toFixed(4)}`);
  }
}

model.eval();
using _scope = new Scope();
const [right] = await countCorrect(model.forward(tensor(x, [POINTS, 2])), tensor(y)).data();
console.log(`accuracy ${((100 * (right ?? 0)) / POINTS).toFixed(1)}%`);
for (const name of ["first", "second"] as const) {
  const w = await model[name].effective().data();
  console.log(
    `${name}: ${((100 * w.filter((v) => v === 0).length) / w.length).toFixed(1)}% of ${w.length} weights are zero`,
  );
}
gpu.destroy();
