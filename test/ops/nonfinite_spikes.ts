// The third part of nonfinite_table.ts: what drops, encodes and joins spikes.
import * as ops from "../../src/ops/index.ts";
import { tensor } from "../../src/tensor/index.ts";
import { at, nothing, other, over, pointwise, type Row, scalar } from "./nonfinite_table.ts";

const step = () => tensor(Uint32Array.of(0), []);

const MASK = [1, 0, 0, 1, 1, 1, 0];
const DROPS: Row[] = [
  // What a mask drops is multiplied by 0, as in PyTorch: NaN and infinity become NaN.
  pointwise("dropoutWithMask", (x) => ops.dropoutWithMask(x, tensor(MASK), { p: 0.5 }), nothing, nothing),
].map((row) => ({
  ...row,
  ...over(
    (x, i) => x * MASK[i]! * 2,
    (_x, i, g) => g * MASK[i]! * 2,
  ),
}));
const draw = { p: 1, seed: 1, stream: 0 };
DROPS.push(
  pointwise(
    "dropout",
    (x) => ops.dropout(x, { ...draw, step: step() }),
    (x) => x * 0,
    (_x, g) => g * 0,
  ),
  pointwise(
    "dropout",
    (x) => ops.dropout(x, { ...draw, p: 0, step: step() }),
    (x) => x,
    (_x, g) => g,
  ),
  // A branch that is left out is not there: nothing of it is looked at.
  pointwise("stochasticDepth", (x) => ops.stochasticDepth(x, { ...draw, step: step() }), nothing, nothing),
);

const spikesIn = (name: string, run: Row["run"], f: (x: number, t: number) => number, steps = 2): Row => ({
  name,
  shape: [7],
  run,
  y: (x) => Array.from({ length: steps }, (_, t) => x.map((v) => f(v, t))).flat(),
  dx: null,
});
// A comparison with NaN is false, in SpikingJelly too: no spike.
const timeSteps = 2;
const CODES: Row[] = [
  {
    ...spikesIn(
      "encodeDirect",
      (x) => ops.encodeDirect(x, { timeSteps }),
      (x) => x,
    ),
    dx: (_x, dy) => Array.from({ length: 7 }, (_, i) => dy[i]! + dy[i + 7]!),
  },
  spikesIn(
    "encodePoissonWith",
    (x) => ops.encodePoissonWith(x, tensor(new Float32Array(14).fill(0.4), [2, 7])),
    (x) => Number(x >= Math.fround(0.4)),
  ),
  spikesIn(
    "encodePoisson",
    (x) => ops.encodePoisson(ops.mul(x, scalar(8)), { timeSteps, seed: 1, stream: 0, step: step() }),
    (x) => Number(x * 8 >= 1),
  ),
  spikesIn(
    "encodeWeightedPhase",
    (x) => ops.encodeWeightedPhase(ops.mul(x, scalar(1 / 16)), { timeSteps: 1 }),
    (x) => Number(x >= 8),
    1,
  ),
  spikesIn(
    "encodeLatency",
    (x) => ops.encodeLatency(ops.mul(x, scalar(0)), { timeSteps: 1 }),
    (x) => Number(x * 0 === 0),
    1,
  ),
];

const pair = (
  name: string,
  connect: ops.SewConnect,
  f: (a: number, b: number) => number,
  da: (b: number, g: number) => number,
): Row => ({
  ...pointwise(name, (x) => ops.sewConnect(x, other(), { connect }), nothing, nothing),
  ...over(
    (x, i) => f(x, at(i)),
    (_x, i, g) => da(at(i), g),
  ),
});
const SEW: Row[] = [
  pair(
    "sewConnect",
    "ADD",
    (a, b) => a + b,
    (_b, g) => g,
  ),
  pair(
    "sewConnect",
    "AND",
    (a, b) => a * b,
    (b, g) => g * b,
  ),
  pair(
    "sewConnect",
    "IAND",
    (a, b) => a * (1 - b),
    (b, g) => g * (1 - b),
  ),
];

export const SPIKE_ROWS: readonly Row[] = [...DROPS, ...CODES, ...SEW];
