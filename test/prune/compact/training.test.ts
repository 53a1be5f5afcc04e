// Compaction for training: channels that are zero in training and in tests, and places of the elements that stay.
import { expect, test } from "vitest";
import {
  BatchNorm2d,
  Conv2d,
  Flatten,
  Linear,
  manualSeed,
  ReLU,
  Sequential,
  type StateDict,
} from "../../../src/nn/index.ts";
import { planTrainingCompaction } from "../../../src/prune/compact/training.ts";

function build() {
  manualSeed(1);
  return new Sequential([
    new Conv2d(2, 4, 3, { padding: 1, bias: false }),
    new BatchNorm2d(4),
    new ReLU(),
    new Conv2d(4, 3, 1),
    new ReLU(),
    new Flatten(),
    new Linear(12, 2),
  ]);
}

const FROZEN = new Set(["0.weight", "3.weight", "6.weight"]);

/** Plan with these filters of layer 0 dead, and these biases of its batch norm. */
function planned(biases: readonly number[], change: (state: StateDict) => void = () => {}, frozen = FROZEN) {
  const model = build();
  const state: StateDict = new Map(
    [...model.namedState()].map(([name, t]) => [name, { data: t.initialValues(), shape: t.shape }]),
  );
  state.get("0.weight")!.data.fill(0, 18, 54); // filters 1 and 2
  (state.get("1.bias")!.data as Float32Array).set(biases);
  change(state);
  return planTrainingCompaction(model, { sample: [2, 2, 2], weights: state, frozen });
}

test("a dead filter goes if ReLU clips the bias of its batch norm, with the inputs that read it", () => {
  const plan = planned([0.1, -0.1, 0, 0.1])!;
  expect(plan.sizes).toEqual({ "0": { weight: [2, 2, 3, 3] }, "1": { channels: 2 }, "3": { weight: [3, 2, 1, 1] } });
  const places = (name: string) => [...plan.positions.get(name)!];
  for (const name of ["1.weight", "1.bias", "1.running_mean", "1.running_var"]) expect(places(name)).toEqual([0, 3]);
  expect(places("0.weight")).toEqual([
    ...Array.from({ length: 18 }, (_, i) => i),
    ...Array.from({ length: 18 }, (_, i) => 54 + i),
  ]);
  expect(places("3.weight")).toEqual([0, 3, 4, 7, 8, 11]);
  expect([...plan.positions.keys()]).not.toContain("3.bias");
});

test("one with a bias above 0 is a constant that the next layer trains on, and stays", () => {
  expect(planned([0.1, 0.1, 0.2, 0.1])).toBeNull();
  expect(planned([0.1, 0.1, -0.2, 0.1])!.sizes).toMatchObject({ "1": { channels: 3 } });
});

test("a channel that is zero with one kind of statistics only stays", () => {
  // The running mean is far below 0: in tests the channel is above 0.
  const lagging = (state: StateDict) => (state.get("1.running_mean")!.data as Float32Array).fill(-9);
  expect(planned([0.1, -0.1, -0.1, 0.1], lagging)).toBeNull();
});

test("batch norm of weight 0 is trained, so a live filter before it stays", () => {
  const plan = planned([-1, -1, -1, -1], (state) => (state.get("1.weight")!.data as Float32Array).fill(0));
  expect(plan!.sizes).toMatchObject({ "1": { channels: 2 } });
});

test("weights without a mask read all of their inputs, whatever their values", () => {
  const unread = (state: StateDict) => {
    state.get("3.weight")!.data.fill(0, 0, 1); // no filter is unread
    for (const o of [0, 1, 2]) state.get("3.weight")!.data.fill(0, 4 * o, 4 * o + 1); // filter 0 is
  };
  const biases = [0.1, 0.1, 0.1, 0.1];
  expect(planned(biases, unread)!.sizes).toMatchObject({ "1": { channels: 3 } });
  expect(planned(biases, unread, new Set(["0.weight", "6.weight"]))).toBeNull();
  // A dead filter without a mask may come back.
  expect(planned([0.1, -0.1, -0.1, 0.1], () => {}, new Set(["3.weight", "6.weight"]))).toBeNull();
});

test("a dead network is not made smaller", () => {
  expect(planned([0, 0, 0, 0], (state) => state.get("0.weight")!.data.fill(0))).toBeNull();
});
