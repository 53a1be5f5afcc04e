// The forms of a pruned network: the same logits by dense and sparse kernels, compacted or not.
import { expect, test } from "vitest";
import { BatchNorm2d, Conv2d, Flatten, Linear, type Module, ReLU, Sequential } from "../../src/nn/index.ts";
import { kernelCounts, measureSpeed, modelWay, openSpeedForms } from "../../src/train/index.ts";
import { pruneBlocks } from "../support/prune_blocks.ts";

const build = (): Module =>
  new Sequential([
    new Conv2d(1, 16, 3, { padding: 1, bias: false }),
    new BatchNorm2d(16),
    new ReLU(),
    new Flatten(),
    new Linear(16 * 64, 8),
  ]);

async function weightsOf(model: Module, dead: number) {
  const state = await model.stateDict();
  const linear = state.get("4.weight")!;
  linear.data.set(pruneBlocks(linear.data as Float32Array, linear.shape, { size: 8, zeros: 0.9 }));
  state.get("0.weight")!.data.fill(0, 0, 9 * dead);
  model.dispose();
  return state;
}

test("all forms give the same logits, and the compacted one is smaller", async () => {
  const weights = await weightsOf(build(), 4);
  using forms = await openSpeedForms({ build, weights, sample: [1, 8, 8], kernels: "block" });
  expect(forms.notes).toEqual([]);
  expect(forms.forms.map(({ name }) => name)).toEqual([
    ...["dense", "sparse kernels", "compact", "compact, sparse kernels"],
  ]);
  expect(forms.forms[2]!.weights.get("0.weight")!.shape[0]).toBeLessThanOrEqual(12);
  expect(kernelCounts(forms.forms[1]!.kernels)).toMatch(/block 8 in [12] layers?/);
  expect(forms.forms[0]!.kernels).toEqual([]);
  const ways = forms.forms.map(({ name, model }) => modelWay(name, model, [1, 8, 8]));
  const results = await measureSpeed(ways, { sample: [1, 8, 8], batch: 3, rounds: 1, roundMs: 0 });
  for (const { name, difference } of results) expect([name, difference < 1e-5]).toEqual([name, true]);
});

test("a dead network has no compact form, with the reason", async () => {
  const weights = await weightsOf(build(), 16);
  using forms = await openSpeedForms({ build, weights, sample: [1, 8, 8] });
  expect(forms.forms.map(({ name }) => name)).toEqual(["dense", "sparse kernels"]);
  expect(forms.notes[0]).toMatch(/^no compact form: the network is dead/);
  expect(forms.compacted).toBeNull();
});
