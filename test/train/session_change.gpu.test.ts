// Changes of a session's model between two epochs: the steps are captured again, and all state follows.
import { expect, test } from "vitest";
import { currentGpu } from "../../src/gpu/index.ts";
import { Conv2d, constantInit, Linear, type Module, Parameter } from "../../src/nn/index.ts";
import type { Session } from "../../src/train/index.ts";
import {
  differing,
  finish,
  type TinyMore,
  type TinyPrune,
  tensorOf,
  tinyRun,
  tinySession,
} from "../support/tiny_session.ts";

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** List the convolutions and linear layers. */
const layersOf = (model: Module) =>
  [...model.namedModules()].filter((entry): entry is [string, Conv2d | Linear] =>
    [Conv2d, Linear].some((type) => entry[1] instanceof type),
  );

const identity = (n: number) => Int32Array.from({ length: n }, (_, i) => i);

/** Put a new parameter in the place of each weight. */
async function replaceWeights(session: Session): Promise<void> {
  const layers = layersOf(session.model);
  const before = layers.map(([, { weight }]) => weight);
  await session.change({
    apply: () => {
      for (const [, layer] of layers) {
        const { weight } = layer;
        (layer as Mutable<typeof layer>).weight = new Parameter(weight.shape, constantInit(0), { prunable: true });
        weight.dispose();
      }
    },
    positions: new Map(layers.map(([name, { weight }]) => [`${name}.weight`, identity(weight.numel)])),
  });
  for (const [i, [, { weight }]] of layers.entries()) expect(weight).not.toBe(before[i]);
}

/** Train with a change after each epoch. */
function changedRun(prune: TinyPrune, more: TinyMore, change: (session: Session) => Promise<void>) {
  const session = tinySession(prune, more);
  const train = session.fit.bind(session);
  session.fit = (control) =>
    train({
      ...control,
      onCheckpoint: async (position, reason) => {
        if (reason === "epoch") await change(session);
        await control?.onCheckpoint?.(position, reason);
      },
    });
  return finish(session);
}

const runs: readonly (readonly [string, TinyPrune, TinyMore])[] = [
  ["latent weights", { threshold: 0.1 }, {}],
  ["in place, with micro-batches", { threshold: 0.1, mode: "inplace" }, { microBatch: 8 }],
  ["FISTA", { threshold: 0.1, mode: "inplace", accelerated: true }, {}],
  ["filters", { threshold: 0.05, group: "filter" }, {}],
  ["blocks", { threshold: 0.1, group: "block8", freezeEpoch: 2 }, {}],
  ["a target", { sparsity: 0.7, steer: "threshold", freezeEpoch: 1 }, {}],
  ["str", { method: "str", schedule: "none", str: { decay: 0.05 } }, {}],
  ["ltp", { method: "ltp", schedule: "none", ltp: { l0: 1 } }, {}],
  ["Adam", { threshold: 0.1 }, { optimizer: { name: "adam" }, momentum: 0, lr: { schedule: "constant", base: 0.01 } }],
];

test.each(runs)("%s: new parameters of the same shapes leave every bit of a run", async (_, prune, more) => {
  const { live } = currentGpu().memory();
  const whole = await tinyRun(prune, more);
  const changed = await changedRun(prune, more, replaceWeights);
  expect(differing(changed.bytes, whole.bytes)).toEqual([]);
  const records = (run: typeof whole) => run.records.map((r) => ({ ...r, seconds: 0 }));
  expect(records(changed)).toEqual(records(whole));
  expect(currentGpu().memory().live).toBe(live);
});

test("a change of kernels leaves the optimizer alone, and its steps are captured again", async () => {
  let captured = 0;
  const changed = await changedRun({ threshold: 0.1 }, {}, async (session) => {
    const { chunks } = session.optimizer;
    const steps = currentGpu().memory().steps;
    await session.change({
      apply: () => {
        captured++;
        expect(currentGpu().memory().steps).toBeLessThan(steps);
      },
    });
    expect(session.optimizer.chunks).toEqual(chunks);
  });
  expect(captured).toBe(4);
  expect(differing(changed.bytes, (await tinyRun({ threshold: 0.1 })).bytes)).toEqual([]);
});

test("weights, momentum and latent weights follow their positions; new ones are zero", async () => {
  const session = tinySession({ threshold: 0.1, freezeEpoch: 1 }, {});
  let before = new Uint8Array() as Uint8Array;
  let after = new Uint8Array() as Uint8Array;
  const last = layersOf(session.model).at(-1)![1] as Mutable<Linear>; // [4, 40]
  await session.fit({
    onCheckpoint: async (position, reason) => {
      if (reason !== "epoch" || position.epoch !== 2) return;
      before = await session.save(position);
      const positions = Int32Array.from({ length: 5 * 40 }, (_, i) => (i < 80 ? 79 - i : i < 120 ? -1 : i - 40));
      await session.change({
        apply: () => {
          last.weight.dispose();
          last.weight = new Parameter([5, 40], constantInit(1), { prunable: true });
          last.bias!.dispose();
          last.bias = new Parameter([5], constantInit(1));
        },
        positions: new Map([
          ["9.weight", positions],
          ["9.bias", Int32Array.of(0, 1, -1, 2, 3)],
        ]),
      });
      after = await session.save(position);
    },
  });
  session.dispose();
  for (const part of ["model", "latent", "momentum"]) {
    const [old, made] = [before, after].map((bytes) => tensorOf(bytes, `${part}.9.weight`)) as [
      Float32Array,
      Float32Array,
    ];
    expect(made).toEqual(
      Float32Array.from([...old.slice(0, 80).reverse(), ...new Array<number>(40).fill(0), ...old.slice(80)]),
    );
  }
  expect(tensorOf(after, "momentum.9.bias")[2]).toBe(0);
  expect(tensorOf(after, "model.9.bias")[1]).toBe(tensorOf(before, "model.9.bias")[1]);
  expect(differing(after, before).sort()).toEqual(
    ["latent", "model", "momentum"]
      .flatMap((k) => (k === "latent" ? [`${k}.9.weight`] : [`${k}.9.bias`, `${k}.9.weight`]))
      .concat("mask.9.weight")
      .sort(),
  );
});
