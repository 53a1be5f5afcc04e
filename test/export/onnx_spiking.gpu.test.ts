// Steps spiking networks in ONNX Runtime, one time step per run, and compares with the engine's T steps at once.
//
// A spike is a comparison: with different rounding, a potential at the threshold may fire in one implementation only. Weights
// and images are therefore multiples of a power of two, which makes every sum exact.
import { expect, test } from "vitest";
import { exportOnnx } from "../../src/export/index.ts";
import { buildModel, type SpikingOptions } from "../../src/models/index.ts";
import { type Module, manualSeed, SpikingNode, type StateDict } from "../../src/nn/index.ts";
import { encodeLatency } from "../../src/ops/index.ts";
import { Scope, tensor } from "../../src/tensor/index.ts";
import { randomArray } from "../support/random.ts";
import { type HostTensor, loadOnnx, relativeError } from "./onnx_runtime.ts";

const T = 4;
const on = (grid: number, values: Float32Array) => values.map((v) => Math.round(v * grid) / grid);

/**
 * Currents are multiples of 1/512 plus 1/4096 a step: within four steps no sum of them is 1, and every other threshold is as
 * far away as that.
 */
function weightsOf(model: Module): StateDict {
  const weights: StateDict = new Map();
  let seed = 1;
  for (const [name, t] of model.namedState()) {
    let data = on(256, t.initialValues());
    if (name.endsWith("running_var"))
      data = new Float32Array(t.numel).fill(0.25 - 1e-5); // eps is 1e-5
    else if (name.endsWith("running_mean")) data = on(16, randomArray(t.numel, seed, 0.1));
    else if (name.endsWith("bias")) data = on(16, randomArray(t.numel, seed, 0.3)).map((v) => v + 0.5 + 1 / 4096);
    else if (t.shape.length === 1) data = on(4, randomArray(t.numel, seed, 0.2)).map((v) => v + 1);
    else if (t.shape.length === 0) data = Float32Array.of(0.3);
    weights.set(name, { data, shape: t.shape });
    seed++;
  }
  return weights;
}

/** Mean over T of the logits of every step, and how many of all potentials moved. */
async function stepThrough(
  model: Module,
  bytes: Uint8Array,
  frames: readonly HostTensor[],
  nodes: ReadonlyMap<string, readonly number[]>,
): Promise<{ logits: Float32Array; potentials: Record<string, HostTensor> }> {
  const runtime = await loadOnnx(bytes);
  expect([...runtime.inputs].sort()).toEqual(["input", ...[...nodes.keys()].map((n) => `v_in.${n}`)].sort());
  let potentials: Record<string, HostTensor> = {};
  for (const [path, m] of model.namedModules()) {
    if (!(m instanceof SpikingNode)) continue;
    const shape = nodes.get(path) as number[];
    const rest = m.config.vReset ?? 0;
    potentials[`v_in.${path}`] = { data: new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(rest), shape };
  }
  let sum: Float32Array | null = null;
  for (const input of frames) {
    const { logits, ...after } = await runtime.run({ input, ...potentials });
    const before: Float32Array | null = sum;
    sum = logits!.data.map((v, i) => v + (before?.[i] ?? 0));
    potentials = Object.fromEntries(Object.entries(after).map(([name, v]) => [name.replace("v_out", "v_in"), v]));
  }
  await runtime.release();
  return { logits: sum!.map((v) => v / frames.length), potentials };
}

interface Case {
  readonly name: string;
  readonly size: number;
  readonly channels: number;
  readonly batch: number;
  readonly spiking: SpikingOptions;
}

const cases: readonly Case[] = [
  { name: "spiking-cnn", size: 28, channels: 1, batch: 3, spiking: { neuron: "lif" } },
  { name: "spiking-cnn", size: 28, channels: 1, batch: 1, spiking: { neuron: "plif", vReset: null } },
  { name: "sew-net", size: 16, channels: 1, batch: 3, spiking: { neuron: "if", vReset: null, vThreshold: 0.75 } },
  { name: "sew-net", size: 16, channels: 1, batch: 3, spiking: { neuron: "lif", decayInput: false, tau: 4 } },
  { name: "sew-net", size: 16, channels: 1, batch: 2, spiking: { neuron: "lif", vReset: -0.5, tau: 4 } },
  { name: "sew-net", size: 16, channels: 1, batch: 2, spiking: { encoder: "latency" } },
  { name: "sew-net", size: 16, channels: 2 * T, batch: 2, spiking: { frames: true, neuron: "plif" } },
  { name: "sew-resnet-18", size: 64, channels: 3, batch: 1, spiking: {} },
  { name: "sew-resnet-50", size: 32, channels: 3, batch: 1, spiking: {} },
  { name: "sew-gesture", size: 128, channels: 2 * T, batch: 1, spiking: {} },
];

test.each(cases)("$name, $spiking", async ({ name, size, channels, batch, spiking }) => {
  using _scope = new Scope();
  manualSeed(2);
  const model = buildModel(name, { channels, size, classes: 10 }, { spiking: { timeSteps: T, ...spiking } });
  const weights = weightsOf(model);
  model.loadStateDict(weights);
  const shape = [batch, channels, size, size];
  const count = shape.reduce((a, b) => a * b, 1);
  const isFrames = channels % T === 0;
  const x = randomArray(count, 9).map((v) => {
    if (isFrames) return v > 0.8 ? 1 : 0;
    return spiking.encoder ? Math.min(1, Math.abs(v) / 2) : Math.min(2, Math.round(Math.abs(v) * 1.2));
  });

  // Check the shape of every layer, and that it fires at all, so that the comparison is meaningful.
  const nodes = new Map<string, readonly number[]>();
  for (const [path, m] of model.namedModules()) {
    if (m instanceof SpikingNode) m.observer = ({ spikes }) => nodes.set(path, spikes.shape.slice(1));
  }
  const y = model.eval().forward(tensor(x, shape));
  const own = (await y.data()) as Float32Array;
  for (const [, m] of model.namedModules()) if (m instanceof SpikingNode) m.observer = null;

  const plane = size * size;
  const per = isFrames ? channels / T : channels;
  let frames: HostTensor[] = Array.from({ length: T }, (_, t) => {
    if (!isFrames) return { data: x, shape };
    const data = new Float32Array(batch * per * plane);
    for (let n = 0; n < batch; n++)
      data.set(x.subarray((n * T + t) * per * plane, (n * T + t + 1) * per * plane), n * per * plane);
    return { data, shape: [batch, per, size, size] };
  });
  if (spiking.encoder) {
    const encoded = (await encodeLatency(tensor(x, shape), { timeSteps: T }).data()) as Float32Array;
    frames = frames.map((_, t) => ({ data: encoded.slice(t * count, (t + 1) * count), shape }));
  }
  const { logits, potentials } = await stepThrough(
    model,
    exportOnnx(model, { input: shape.slice(1), weights }),
    frames,
    nodes,
  );
  for (const [layer, { data }] of Object.entries(potentials))
    expect([layer, new Set(data).size > 1]).toEqual([layer, true]);
  const error = relativeError(logits, own);
  console.info(`${name} ${JSON.stringify(spiking)}: ${error.toExponential(1)}`);
  expect(new Set(own).size).toBeGreaterThan(5);
  expect(error).toBeLessThan(1e-4);
  model.dispose();
});
