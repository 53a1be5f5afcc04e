// Learns a dictionary: atoms of length one, of which each sample is a sparse sum. Codes take ISTA steps, atoms gradient steps.
// Run: npm run -s example -- dictionary [--steps N]
import { parseArgs } from "node:util";
import { installGpu } from "@espalier/node";
import * as es from "espalier";

const { values } = parseArgs({ options: { steps: { type: "string", default: "2000" } } });
await installGpu();
const gpu = await es.requestGpu();
console.log(`adapter: ${gpu.adapter.description}`);

let seed = 1;
/** Return a number from 0 to 1 (a linear congruential generator, so that every run has the same numbers). */
function uniform(): number {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return (seed + 1) / 2 ** 32;
}
const normal = () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());

// 400 samples of 30 numbers: sums of about a fifth of 12 atoms.
const [SAMPLES, SIZE, ATOMS] = [400, 30, 12];
const truth = Array.from({ length: ATOMS }, () => {
  const atom = Array.from({ length: SIZE }, normal);
  return atom.map((v) => v / Math.hypot(...atom));
});
const data = Array.from({ length: SAMPLES }, () => {
  const code = truth.map(() => (uniform() < 0.2 ? (uniform() < 0.5 ? -1 : 1) * (1 + uniform()) : 0));
  return Array.from({ length: SIZE }, (_, i) => code.reduce((sum, c, k) => sum + c * truth[k]![i]!, 0.01 * normal()));
});

// minimise |X - C A|² / 2 + lambda |C|_1 with rows of A of length one: A is V with each row divided by its length.
const [lr, lambda] = [0.2, 0.2];
const x = es.tensor(data);
const codes = new es.Parameter([SAMPLES, ATOMS], es.constantInit(0));
const v = new es.Parameter([ATOMS, SIZE], () => Float32Array.from({ length: ATOMS * SIZE }, normal));
const atoms = () => es.div(v, es.sqrt(es.sum(es.square(v), { axes: [1], keepdims: true })));
const sparse = { params: [codes], mode: "inplace", threshold: (n: number) => n * lr * lambda } as const;
const optimizer = new es.SGD([sparse, { params: [v], lr: 0.1 }], { lr });

const step = es.captureStep(() => {
  using tape = new es.Tape();
  const loss = tape.keep(es.mul(es.mseLoss(es.matmul(codes, atoms()), x, { reduction: "sum" }), 0.5));
  tape.backward(loss);
  optimizer.step();
  return { loss };
});
for (let n = 0; n < Number(values.steps); n++) step.run({});

const found = await atoms().data();
const cosine = (atom: readonly number[], k: number) =>
  Math.abs(atom.reduce((sum, a, i) => sum + a * found[k * SIZE + i]!, 0));
const near = truth.filter((atom) => truth.some((_, k) => cosine(atom, k) > 0.99)).length;
const zeros = (await codes.data()).filter((c) => c === 0).length / (SAMPLES * ATOMS);
console.log(`${near} of ${ATOMS} atoms recovered, ${(100 * zeros).toFixed(1)} % of the codes are zero`);
gpu.destroy();
