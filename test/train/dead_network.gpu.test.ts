// A network whose outputs no longer depend on its inputs is found, and ends the run.
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { onWarning } from "../../src/gpu/index.ts";
import { buildModel } from "../../src/models/index.ts";
import type { Module } from "../../src/nn/index.ts";
import { cutLayers, deadText, emptyLayers } from "../../src/train/dead_layers.ts";
import type { CheckpointReason, FitResult } from "../../src/train/index.ts";
import { tinyModel, tinySession } from "../support/tiny_session.ts";

let warnings: string[] = [];
let restore: () => void;
beforeEach(() => {
  warnings = [];
  restore = onWarning((message) => warnings.push(message));
});
afterEach(() => restore());

const cutOf = (model: Module, sample: readonly number[], ...empty: string[]) => {
  const wasTraining = model.training;
  const cut = cutLayers(model, { sample }, empty);
  expect(model.training).toBe(wasTraining);
  model.dispose();
  return cut;
};

describe("layers without live weights", () => {
  test("cut a chain, each of them", () => {
    expect(cutOf(tinyModel(), [1, 8, 8], "3.weight")).toEqual(["3.weight"]);
    // What comes after a cut is constant already.
    expect(cutOf(tinyModel(), [1, 8, 8], "0.weight", "9.weight")).toEqual(["0.weight"]);
    expect(cutOf(tinyModel(), [1, 8, 8])).toEqual([]);
  });

  test("do not cut a residual net within a block, and do at its ends", () => {
    const net = () => buildModel("resnet-8", { classes: 10, channels: 1, size: 28 });
    const names = [...net().namedParameters()].flatMap(([name, p]) => (p.prunable ? [name] : []));
    const [first, ...inner] = names;
    const last = inner.pop()!;
    const blocks = inner.filter((name) => !name.includes("downsample") && !name.includes("shortcut"));
    expect(cutOf(net(), [1, 28, 28], ...blocks.filter((name) => name.includes("conv2")))).toEqual([]);
    expect(cutOf(net(), [1, 28, 28], first!)).toEqual([first]);
    expect(cutOf(net(), [1, 28, 28], last)).toEqual([last]);
    // All of them: the first is where paths end.
    expect(cutOf(net(), [1, 28, 28], ...names)).toEqual([first]);
  });

  test("cut a spiking network", () => {
    const net = () => buildModel("spiking-cnn", { classes: 10, channels: 1, size: 28 });
    const [name] = [...net().namedParameters()].find(([, p]) => p.prunable)!;
    expect(cutOf(net(), [1, 28, 28], name)).toEqual([name]);
    expect(cutOf(net(), [1, 28, 28])).toEqual([]);
  });

  test("of LTP count once no weight is in transition", () => {
    const layer = { name: "a", weights: 3, zeros: 3, pruned: 0, regrown: 0, iou: 1, threshold: null, limited: null };
    const rest = { hiddenMean: null, hiddenMax: null };
    const some = [null, 0, 0.1].map((transition, i) => ({ ...layer, ...rest, name: `${i}`, transition }));
    expect(emptyLayers([...some, { ...some[0]!, name: "live", zeros: 2 }])).toEqual(["0", "1"]);
  });
});

test("a dead network is described in one sentence", () => {
  expect(deadText(["a.weight"])).toBe(
    "the network is dead: no weight of a.weight is left, and every path from the input to the output leads through it",
  );
  expect(deadText(["a", "b", "c", "d", "e", "f"])).toContain("no weight of any of a, b, c, d, 2 more is left");
});

/** A threshold that no weight exceeds. */
const deadly = { threshold: 50, schedule: "linear" } as const;

test("a run ends after the epoch that leaves the network dead, with a checkpoint, and names the reason", async () => {
  const ends: FitResult[] = [];
  const reasons: [number, CheckpointReason][] = [];
  const session = tinySession(deadly);
  const result = await session.fit({
    onEnd: (end) => void ends.push(end),
    onCheckpoint: async ({ step }, reason) => void reasons.push([step, reason]),
  });
  expect(result).toMatchObject({ finished: false, reason: "dead", position: { step: 5, epoch: 1, batch: 0 } });
  expect(result.deadLayers).toEqual(["0.weight"]);
  expect(ends).toEqual([result]);
  expect(reasons.at(-1)).toEqual([5, "abort"]);
  expect(warnings).toEqual([]);
  // What is saved is the network as it is, and goes on from there.
  const bytes = await session.save();
  session.dispose();
  const second = tinySession(deadly);
  second.load(bytes, "checkpoint");
  const again = await second.fit();
  expect(again).toMatchObject({ reason: "dead", position: { epoch: 2 } });
  expect(warnings).toEqual([`Session: ${deadText(["0.weight"])}; the run ended after epoch 2`]);
  second.dispose();
});

test("a run that ends otherwise names its reason too", async () => {
  const session = tinySession({ threshold: 0.05 }, { epochs: 2 });
  const stop = new AbortController();
  const stopped = await session.fit({ signal: stop.signal, onStep: ({ step }) => step === 3 && stop.abort() });
  expect(stopped).toMatchObject({ finished: false, reason: "signal", deadLayers: [] });
  expect(await session.fit()).toMatchObject({ finished: true, reason: "done", deadLayers: [] });
  session.dispose();
});
