// Compaction of random small networks: the same outputs, whatever channels are dead.
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  AvgPool2d,
  BatchNorm2d,
  Conv2d,
  Flatten,
  LeakyReLU,
  Linear,
  MaxPool2d,
  Module,
  manualSeed,
  ReLU,
  Sequential,
  SqueezeExcitation,
} from "../../../src/nn/index.ts";
import { add, concat } from "../../../src/ops/index.ts";
import type { Tensor } from "../../../src/tensor/index.ts";
import { withDeadChannels } from "../../support/dead_channels.ts";
import { compacted } from "../../support/same_outputs.ts";

/** Adds the output of a branch to its input. */
class Residual extends Module<[x: Tensor], Tensor> {
  readonly branch: Sequential;
  constructor(branch: readonly Module[]) {
    super();
    this.branch = new Sequential(branch);
  }
  forward(x: Tensor): Tensor {
    return add(x, this.branch.forward(x));
  }
}

/** Joins the channels of two branches. */
class Parallel extends Module<[x: Tensor], Tensor> {
  readonly one: Module<[x: Tensor], Tensor>;
  readonly two: Module<[x: Tensor], Tensor>;
  constructor(one: Module<[x: Tensor], Tensor>, two: Module<[x: Tensor], Tensor>) {
    super();
    this.one = one;
    this.two = two;
  }
  forward(x: Tensor): Tensor {
    return concat([this.one.forward(x), this.two.forward(x)], { axis: 1 });
  }
}

const PARTS = [
  "conv",
  "conv1",
  "valid",
  "stride",
  "depthwise",
  "grouped",
  "residual",
  "parallel",
  "squeeze",
  "max",
  "avg",
  "leaky",
] as const;
type Part = (typeof PARTS)[number];

const conv = (from: number, to: number, kernel: number, more: object = {}) =>
  new Conv2d(from, to, kernel, { padding: (kernel - 1) / 2, ...more });

/** Modules of one part; all keep an even number of channels, at least four. */
const makers: Readonly<Record<Part, (from: number) => { modules: Module[]; to: number; valid?: boolean }>> = {
  conv: (from) => ({ modules: [conv(from, 6, 3, { bias: false }), new BatchNorm2d(6), new ReLU()], to: 6 }),
  conv1: (from) => ({ modules: [conv(from, 8, 1), new ReLU()], to: 8 }),
  valid: (from) => ({
    modules: [conv(from, 4, 3, { padding: 0 }), new BatchNorm2d(4), new ReLU()],
    to: 4,
    valid: true,
  }),
  stride: (from) => ({ modules: [conv(from, 8, 3, { stride: 2, bias: false }), new BatchNorm2d(8)], to: 8 }),
  depthwise: (from) => ({
    modules: [conv(from, from, 3, { groups: from }), new BatchNorm2d(from), new ReLU()],
    to: from,
  }),
  grouped: (from) => ({ modules: [conv(from, 8, 3, { groups: 2 }), new ReLU()], to: 8 }),
  residual: (from) => ({
    modules: [
      new Residual([conv(from, 5, 3), new BatchNorm2d(5), new ReLU(), conv(5, from, 3), new BatchNorm2d(from)]),
      new ReLU(),
    ],
    to: from,
  }),
  parallel: (from) => ({
    modules: [new Parallel(conv(from, 4, 1), new Sequential([conv(from, 2, 3), new ReLU()]))],
    to: 6,
  }),
  squeeze: (from) => ({ modules: [new SqueezeExcitation(from, 3)], to: from }),
  max: (from) => ({ modules: [new MaxPool2d({ kernel: 3, stride: 1, padding: 1 })], to: from }),
  avg: (from) => ({ modules: [new AvgPool2d({ kernel: 3, stride: 1, padding: 1 })], to: from }),
  leaky: (from) => ({ modules: [new LeakyReLU(0.1)], to: from }),
};

const SIDE = 12;

function build(parts: readonly Part[]): Module {
  manualSeed(4);
  let channels = 4;
  let side = SIDE;
  const modules: Module[] = [conv(2, 4, 3), new ReLU()];
  for (const part of parts) {
    const made = makers[part](channels);
    modules.push(...made.modules);
    channels = made.to;
    if (made.valid) side -= 2;
    if (part === "stride") side = Math.ceil(side / 2);
  }
  modules.push(new Flatten(), new Linear(channels * side * side, 7), new ReLU(), new Linear(7, 3));
  return new Sequential(modules);
}

test("random networks with random dead channels give the same outputs", async () => {
  const nets = fc.array(fc.constantFrom(...PARTS), { minLength: 1, maxLength: 5 });
  const few = (parts: readonly Part[]) => parts.filter((part) => part === "stride" || part === "valid").length <= 2;
  await fc.assert(
    fc.asyncProperty(nets.filter(few), fc.integer({ min: 1, max: 1e6 }), fc.boolean(), async (parts, seed, fold) => {
      const sample = [2, SIDE, SIDE];
      const state = withDeadChannels(build(parts), { sample, seed, share: 0.4, silent: 0.5 });
      try {
        const { difference } = await compacted(() => build(parts), state, { sample, fold });
        expect(difference).toBeLessThan(1e-5);
      } catch (error) {
        // All outputs of some layer died.
        if (!(error instanceof Error && error.message.includes("the network is dead"))) throw error;
      }
    }),
    { numRuns: 60 },
  );
});
