// Recovers a sparse signal from few measurements with ISTA: gradient steps, each followed by a soft threshold. The optimiser's
// mode `inplace` is that algorithm, so pruning and the lasso are the same code.
// Run: npm run -s example -- lasso [--steps N]
import { parseArgs } from "node:util";
import { installGpu } from "@espalier/node";
import { captureStep, constantInit, matmul, mseLoss, mul, Parameter, requestGpu, SGD, Tape, tensor } from "espalier";

const { values } = parseArgs({ options: { steps: { type: "string", default: "2000" } } });
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

// A signal of 1024 numbers, 24 of them not zero; 256 noisy measurements, each a random combination of all of them.
const [SIZE, MEASURED, NONZERO] = [1024, 256, 24];
const signal = new Float32Array(SIZE);
while (signal.filter((v) => v !== 0).length < NONZERO)
  signal[Math.floor(SIZE * uniform())] = (uniform() < 0.5 ? -1 : 1) * (1 + uniform());
const matrix = Float32Array.from({ length: MEASURED * SIZE }, () => normal() / Math.sqrt(MEASURED));
const measured = Float32Array.from({ length: MEASURED }, (_, row) =>
  signal.reduce((total, v, i) => total + v * matrix[row * SIZE + i]!, 0.01 * normal()),
);

// minimise |A x - y|² / 2 + lambda |x|_1: a step of size lr on the first term, then a soft threshold of lr · lambda.
const [lr, lambda] = [0.1, 0.05];
const a = tensor(matrix, [MEASURED, SIZE]);
const y = tensor(measured, [MEASURED, 1]);
const x = new Parameter([SIZE, 1], constantInit(0));
const optimizer = new SGD([x], { lr, mode: "inplace", threshold: (n) => n * lr * lambda });

const step = captureStep(() => {
  using tape = new Tape();
  const loss = tape.keep(mul(mseLoss(matmul(a, x), y, { reduction: "sum" }), 0.5));
  tape.backward(loss);
  optimizer.step();
  return { loss };
});
for (let n = 0; n < Number(values.steps); n++) step.run({});

const found = await x.data();
const support = (v: ArrayLike<number>) => Array.from(v).flatMap((value, i) => (value === 0 ? [] : [i]));
const [truth, recovered] = [support(signal), support(found)];
const common = truth.filter((i) => recovered.includes(i));
console.log(`signal:    ${truth.length} of ${SIZE} numbers are not zero: ${truth.join(" ")}`);
console.log(`recovered: ${recovered.length} numbers are not zero, ${common.length} of them in the signal's support`);
const error = Math.hypot(...found.map((v, i) => v - signal[i]!)) / Math.hypot(...signal);
console.log(`relative error ${(100 * error).toFixed(1)} %, loss ${(await step.outputs.loss.item()).toFixed(4)}`);
gpu.destroy();
