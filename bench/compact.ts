// Measures compaction: the forward pass and the training step of a ResNet-20 with half of its multiply-adds in dead filters, against
// those of the compacted one.
// Usage: node --import tsx --import ./tools/wgsl_node.mjs bench/compact.ts [--batch N] [--rounds N]
import { parseArgs } from "node:util";
import {
  applyCompaction,
  buildModel,
  captureStep,
  type Gpu,
  type Module,
  manualSeed,
  numel,
  planCompaction,
  pruningGroups,
  requestGpu,
  SGD,
  type StateDict,
  summarize,
  type Tensor,
  TrainStep,
} from "../src/internal.ts";
import { installGpu } from "../src/node_internal.ts";
import { chooseClock, timeRuns } from "./lib/clock.ts";
import { median, pairedRatio } from "./lib/statistics.ts";

const MODEL = "resnet-20";
const SAMPLE = [3, 32, 32] as const;
/** Forward passes that are timed together. */
const REPEATS = 2;
/** Share of the multiply-adds that stay. */
const SHARE = 0.5;

function build(): Module {
  manualSeed(1);
  return buildModel(MODEL, { channels: 3, size: 32, classes: 10 }).eval();
}

const initialState = (model: Module): StateDict =>
  new Map([...model.namedState()].map(([name, t]) => [name, { data: t.initialValues(), shape: t.shape }]));

/** Set filters inside the blocks to zero, with their batch norm: the same share in each block, at most this one. */
function killFilters(state: StateDict, share: number): void {
  for (const [name, { data, shape }] of state) {
    const block = /^(layer\d\.\d)\.conv1\.weight$/.exec(name)?.[1];
    if (!block) continue;
    const filters = shape[0]!;
    const row = data.length / filters;
    for (let i = 0; i < Math.round(share * filters); i++) {
      // Every filter once, in an order that is not that of memory: 7 has no factor in common with 16, 32 and 64.
      const o = (7 * i + 3) % filters;
      data.fill(0, o * row, (o + 1) * row);
      for (const part of ["weight", "bias"]) state.get(`${block}.bn1.${part}`)!.data.fill(0, o, o + 1);
    }
  }
}

/** Return the multiply-adds of the compacted network, if this share of the filters is dead. */
function smaller(share: number) {
  const state = initialState(build());
  killFilters(state, share);
  const plan = planCompaction(build(), { sample: SAMPLE, weights: state });
  const model = build();
  applyCompaction(model, plan.sizes);
  return { state, plan, model, macs: summarize(model, SAMPLE).macs };
}

const samplesOf = (batch: number) => Float32Array.from({ length: batch * numel(SAMPLE) }, (_, i) => Math.sin(i));

/** Return a function that runs the captured training step once, with the zeros masked. */
function trainingOf(model: Module, weights: StateDict, batch: number): () => void {
  model.train().loadStateDict(weights);
  const optimizer = new SGD(pruningGroups(model, { mode: "inplace" }), { lr: 1e-4, momentum: 0.9 });
  optimizer.setPhase("mask");
  const step = new TrainStep({ model, optimizer, sample: SAMPLE });
  const y = Int32Array.from({ length: batch }, (_, i) => i % 10);
  const x = samplesOf(batch);
  return () => step.run({ x, y, size: batch });
}

/** Return a function that runs the captured forward pass once. */
function forwardOf(model: Module, weights: StateDict, batch: number): () => void {
  model.loadStateDict(weights);
  const step = captureStep(({ x }: Record<"x", Tensor>) => ({ y: model.forward(x) as Tensor }));
  const shape = [batch, ...SAMPLE];
  const data = samplesOf(batch);
  return () => {
    step.run({ x: { data, shape } });
  };
}

async function measure(gpu: Gpu, variants: readonly (() => void)[], rounds: number): Promise<number[][]> {
  const times: number[][] = variants.map(() => []);
  for (const run of variants) run();
  const clock = await chooseClock(gpu, variants[0]!);
  for (let round = 0; round < rounds; round++)
    for (const [i, run] of variants.entries()) times[i]!.push((await timeRuns(gpu, run, REPEATS, clock)).ms / REPEATS);
  return times;
}

const { values } = parseArgs({ options: { batch: { type: "string" }, rounds: { type: "string" } } });
const batch = Number(values.batch ?? 64);
const rounds = Number(values.rounds ?? 7);
await installGpu();
const gpu = await requestGpu();
const dense = summarize(build(), SAMPLE).macs;
// Multiply-adds fall as filters die: bisection.
let [low, high] = [0, 1];
for (let i = 0; i < 10; i++) {
  const middle = (low + high) / 2;
  if (smaller(middle).macs > SHARE * dense) low = middle;
  else high = middle;
}
const { state, plan, model, macs } = smaller(high);
const unfolded = planCompaction(build(), { sample: SAMPLE, weights: state, fold: false });
/** Build the network that training goes on with. */
function cutModel(): Module {
  const model = build();
  applyCompaction(model, unfolded.sizes);
  return model;
}
const forwards = await measure(
  gpu,
  [
    forwardOf(build(), state, batch),
    forwardOf(cutModel(), unfolded.weights, batch),
    forwardOf(model, plan.weights, batch),
  ],
  rounds,
);
const steps = await measure(
  gpu,
  [trainingOf(build(), state, batch), trainingOf(cutModel(), unfolded.weights, batch)],
  rounds,
);
const [full, cut, folded] = forwards as [number[], number[], number[]];
const [before, after] = steps as [number[], number[]];
const line = (name: string, ms: readonly number[], base: readonly number[]) =>
  console.log(`${name.padEnd(21)} ${median(ms).toFixed(1)} ms, ${pairedRatio(base, ms).toFixed(2)}x`);
console.log(
  `${MODEL}, batch ${batch}, ${rounds} rounds, ${(macs / 1e6).toFixed(1)} of ${(dense / 1e6).toFixed(1)} M multiply-adds`,
);
line("pruned", full, full);
line("compact", cut, full);
line("compact, norms folded", folded, full);
line("training step", before, before);
line("compact", after, before);
