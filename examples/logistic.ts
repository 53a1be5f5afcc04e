// Selects the inputs of a logistic regression with an L1 penalty: FISTA, gradient steps with extrapolation and a soft threshold.
// Run: npm run -s example -- logistic [--steps N]
import { parseArgs } from "node:util";
import { installGpu } from "@espalier/node";
import { bceWithLogits, captureStep, constantInit, Linear, requestGpu, SGD, Tape, tensor } from "espalier";

const { values } = parseArgs({ options: { steps: { type: "string", default: "600" } } });
await installGpu();
const gpu = await requestGpu();
console.log(`adapter: ${gpu.adapter.description}`);

let seed = 1;
/** Return a number from 0 to 1 (a linear congruential generator, so that every run has the same numbers). */
function uniform(): number {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return (seed + 1) / 2 ** 32;
}
const normal = () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());

// 500 samples of 100 inputs, of which the first 8 decide the class.
const [SAMPLES, INPUTS, USED] = [500, 100, 8];
const truth = Float32Array.from({ length: INPUTS }, (_, i) => (i < USED ? (i % 2 === 0 ? 2 : -2) : 0));
const inputs = Float32Array.from({ length: SAMPLES * INPUTS }, normal);
const classes = Float32Array.from({ length: SAMPLES }, (_, row) => {
  const logit = truth.reduce((sum, w, i) => sum + w * inputs[row * INPUTS + i]!, -0.5);
  return uniform() < 1 / (1 + Math.exp(-logit)) ? 1 : 0;
});

// minimise mean log loss + lambda |w|_1. The bias is not penalised: its group has no threshold.
const [lr, lambda] = [0.5, 0.03];
const x = tensor(inputs, [SAMPLES, INPUTS]);
const t = tensor(classes, [SAMPLES, 1]);
const model = new Linear(INPUTS, 1, { init: constantInit(0) });
const weights = model.weight;
const others = model.parameters().filter((p) => p !== weights);
const optimizer = new SGD(
  [{ params: [weights], mode: "fista", momentum: 0.9, threshold: (n) => n * lr * lambda }, { params: others }],
  { lr },
);

const step = captureStep(() => {
  using tape = new Tape();
  const loss = tape.keep(bceWithLogits(model.forward(x), t));
  tape.backward(loss);
  optimizer.step();
  return { loss };
});
for (let n = 0; n < Number(values.steps); n++) step.run({});

const found = await weights.data();
const selected = Array.from(found).flatMap((w, i) => (w === 0 ? [] : [i]));
const right = (await model.forward(x).data()).filter((logit, i) => logit > 0 === (classes[i] === 1)).length;
console.log(`selected ${selected.length} of ${INPUTS} inputs: ${selected.join(" ")}`);
console.log(`${selected.filter((i) => i < USED).length} of the ${USED} that decide are among them`);
console.log(
  `accuracy ${((100 * right) / SAMPLES).toFixed(1)} %, log loss ${(await step.outputs.loss.item()).toFixed(4)}`,
);
gpu.destroy();
