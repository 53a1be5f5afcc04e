// Settings that depend on model and optimiser are refused by name when the session is made, and nothing of it
// stays in memory.
import { expect, test } from "vitest";
import { currentGpu } from "../../../src/gpu/index.ts";
import { Session } from "../../../src/train/index.ts";
import { squares } from "../../support/shapes.ts";
import { type TinyMore, type TinyPrune, tinyConfig, tinyModel, tinyRun } from "../../support/tiny_session.ts";

const data = squares(32, 8, 1);

interface Refusal {
  readonly prune: TinyPrune;
  readonly more?: TinyMore;
  readonly wanted: RegExp;
}
const refused: readonly Refusal[] = [
  {
    prune: { threshold: 1, dense: ["first", "nosuch"] },
    wanted: /dense: expected one of 0.*, got nosuch/,
  },
  { prune: { threshold: 1, dense: ["/./"] }, wanted: /expected a weight to prune/ },
  { prune: { sparsity: 0.9, dense: ["7"] }, wanted: /sparsity: expected at most 30.98 %/ },
  { prune: { method: "gmp", sparsity: 0.9, dense: ["7"] }, wanted: /sparsity: expected at most 30.98 %/ },
  { prune: { method: "gmp" }, wanted: /sparsity: expected/ },
  { prune: { threshold: 1, mode: "magic" as "latent" }, wanted: /mode: expected one of latent, inplace.*magic/ },
  { prune: { method: "str", str: { start: Number.NaN } }, wanted: /str.start: expected a finite number.*NaN/ },
  { prune: { method: "str", str: { decay: -1 } }, wanted: /str.decay: expected a number >= 0.*-1/ },
  { prune: { method: "ltp", ltp: { l0: -1 } }, wanted: /ltp.l0: expected a number >= 0.*-1/ },
  { prune: { method: "ltp", ltp: { temperature: 0 } }, wanted: /ltp.temperature: expected a number > 0.*0/ },
  { prune: { method: "ltp", ltp: { lr: -1 } }, wanted: /ltp.lr: expected a number >= 0.*-1/ },
  { prune: { method: "ltp", ltp: { clip: 0 } }, wanted: /ltp.clip: expected a number > 0.*0/ },
  {
    prune: { threshold: 1, mode: "inplace", accelerated: true },
    more: { nesterov: true },
    wanted: /nesterov: expected false in mode fista/,
  },
  { prune: { threshold: 1 }, more: { logEvery: 257 }, wanted: /logEvery: expected at most 256, got 257/ },
];

test.each(refused)("refuses $prune", ({ prune, more, wanted }) => {
  const { live } = currentGpu().memory();
  const model = tinyModel();
  expect(() => new Session({ model, data: { train: data, test: data }, config: tinyConfig(prune, more) })).toThrow(
    wanted,
  );
  model.dispose();
  expect(currentGpu().memory().live).toBe(live);
});

test("each learned method runs with its defaults", async () => {
  for (const method of ["str", "ltp"] as const) {
    const { epochs } = await tinyRun({ method }, { epochs: 2 });
    expect(epochs.at(-1)!.layers.every((l) => l.threshold! > 0)).toBe(true);
  }
});
