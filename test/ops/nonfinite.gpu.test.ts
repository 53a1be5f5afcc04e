import { describe, expect, test } from "vitest";
import { Tape } from "../../src/autograd/index.ts";
import * as ops from "../../src/ops/index.ts";
import { numel, Scope, tensor } from "../../src/tensor/index.ts";
import { IMAGE_ROWS } from "./nonfinite_images.ts";
import { LOSS_ROWS } from "./nonfinite_losses.ts";
import { NORM_ROWS } from "./nonfinite_norms.ts";
import { SPIKE_ROWS } from "./nonfinite_spikes.ts";
import { OF_INTEGERS, STRUCTURE_ROWS } from "./nonfinite_structures.ts";
import { EITHER, POINTWISE_ROWS, type Row } from "./nonfinite_table.ts";

const ROWS = [...POINTWISE_ROWS, ...SPIKE_ROWS, ...STRUCTURE_ROWS, ...NORM_ROWS, ...IMAGE_ROWS, ...LOSS_ROWS];
const SPECIALS = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
const BASE = [-4, -0.3, 0.2, 0.7, 1.5, 3.75, 7];
const finiteInput = (n: number) => Array.from({ length: n }, (_, i) => BASE[i % 7]! + Math.floor(i / 7) / 8);

/** f32 of few operations: 1e-5 relative. NaN and infinities are compared exactly; values without a rule are skipped. */
function expectSame(have: ArrayLike<number>, want: readonly number[], what: string): void {
  expect(have.length, what).toBe(want.length);
  want.forEach((w, i) => {
    const h = have[i]!;
    if (Math.abs(w) > EITHER / 1e6 && Number.isFinite(w)) return;
    const place = `${what}, element ${i}: ${h}, expected ${w}`;
    if (Number.isFinite(w)) expect(Math.abs(h - w), place).toBeLessThanOrEqual(2e-5 * Math.max(1, Math.abs(w)));
    else expect(h, place).toBe(w);
  });
}

async function check(row: Row, x: number[], dy: (n: number) => number[], what: string): Promise<void> {
  using _scope = new Scope();
  const input = tensor(x, row.shape);
  input.requiresGrad = true;
  using tape = new Tape();
  const y = tape.keep(row.run(input));
  const upstream = dy(y.numel);
  if (row.dx) tape.backward(y, tensor(upstream, y.shape));
  expectSame(await y.data(), row.y(x), `${what}: y`);
  if (!row.dx) return;
  expectSame(await input.grad!.data(), row.dx(x, upstream), `${what}: dx`);
  input.grad!.dispose();
}

describe("NaN and infinity pass as in PyTorch", () => {
  test.each(ROWS.map((row, i) => [`${row.name} (${i})`, row] as const))("%s", async (name, row) => {
    const n = numel(row.shape);
    const ones = (length: number) => Array.from({ length }, (_, i) => 1 + i / 8);
    await check(row, finiteInput(n), ones, name);
    for (const special of SPECIALS) {
      for (const place of [0, 2, n - 1]) {
        const x = finiteInput(n).with(place, special);
        await check(row, x, ones, `${name}, x[${place}] = ${special}`);
      }
      if (!row.dx) continue;
      const dy = (length: number) => ones(length).with(1 % length, special);
      await check(row, finiteInput(n), dy, `${name}, dy[1] = ${special}`);
    }
  });

  test("of NaN everywhere too", async () => {
    for (const row of ROWS) {
      const n = numel(row.shape);
      await check(row, new Array<number>(n).fill(Number.NaN), (length) => new Array<number>(length).fill(1), row.name);
    }
  });
});

test("every op has a row", () => {
  const helpers = ["resolveSurrogate", "expectCrops", "advance"];
  const all = Object.entries(ops).flatMap(([name, value]) => (typeof value === "function" ? [name] : []));
  const rows = new Set([...ROWS.map((row) => row.name), ...OF_INTEGERS, ...helpers]);
  expect(all.filter((name) => !rows.has(name))).toEqual([]);
  expect([...rows].filter((name) => !all.includes(name))).toEqual([]);
});
