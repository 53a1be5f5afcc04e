import { expect } from "vitest";
import { batchNorm, batchNormAddRelu } from "../../src/ops/batch_norm.ts";
import { cast } from "../../src/ops/cast.ts";
import { AFTER, apply, batchStatistics, gradientApply, gradientSums } from "../../src/ops/norm/passes.ts";
import { empty, readAll, Scope, type Tensor, tensor } from "../../src/tensor/index.ts";
import { normalise } from "../reference/batch_norm.ts";
import { expectClose } from "../support/close.ts";
import { HALF_ROUNDING, roundedToHalf, testHalf } from "../support/half.ts";
import { randomArray } from "../support/random.ts";
import { expectReplay } from "../support/replay.ts";
import { channel, expectRun, fused, norms, product, run } from "./batch_norm_run.ts";

const values = (shape: readonly number[]) => roundedToHalf(randomArray(product(shape), 1, 2).map((v) => v + 1));

for (const name of norms) {
  testHalf(`${name}: a step of f16 against float64 of the same values`, async () => {
    // Odd counts, planes of fours, channels in several slices.
    for (const shape of [
      [5, 3],
      [3, 3, 7, 5],
      [16, 6, 8, 8],
      [3, 2, 90, 100],
      [3, 1, 91, 99],
    ]) {
      const data = values(shape);
      expectRun(await run(data, shape, fused[name], true, "f16"), data, shape, name, 3e-6, "f16");
    }
  });

  testHalf(`${name}: channels cut for hardware`, async () => {
    const after = { plain: AFTER.nothing, relu: AFTER.relu, "add and relu": AFTER.addRelu }[name];
    for (const shape of [
      [2, 2, 120, 100],
      [2, 1, 131, 99],
    ]) {
      const results: Float32Array[][] = [];
      for (const software of [true, false]) {
        using _scope = new Scope();
        const like = () => empty(shape, "f16");
        const [x, r, dy] = [1, 2, 3].map((seed) => tensor(randomArray(product(shape), seed), shape, "f16"));
        const channels = shape[1]!;
        const [y, dx, dresidual, dweight, dbias] = [like(), like(), like(), empty([channels]), empty([channels])];
        const affine = { weight: tensor(channel(channels, 4, 1)), bias: tensor(channel(channels, 5)) };
        const stats = batchStatistics(x!, affine, null, { eps: 1e-5, momentum: 0.1 }, software);
        apply(y, x!, after.RESIDUAL ? r! : null, stats, after, software);
        const saved = { x: x!, stats, y: after.RESIDUAL ? y : null, after };
        gradientSums(saved, dy!, dweight, dbias, software);
        gradientApply(saved, dy!, { dweight, dbias }, dx, after.RESIDUAL ? dresidual : null, software);
        results.push((await readAll(y, dx, dweight, dbias, ...(after.RESIDUAL ? [dresidual] : []))) as Float32Array[]);
      }
      results[0]!.forEach((of, i) => {
        const atol = i === 2 || i === 3 ? 1e-3 : 0;
        expectClose(results[1]![i]!, of, { rtol: HALF_ROUNDING, atol });
      });
    }
  });
}

testHalf("evaluation", async () => {
  using _scope = new Scope();
  const shape = [2, 3, 5, 4];
  const data = values(shape);
  const running = { runningMean: channel(3, 6, 0.4), runningVar: channel(3, 7, 1.5) };
  const y = batchNorm(tensor(data, shape, "f16"), null, null, tensor(running.runningMean), tensor(running.runningVar));
  expect(y.dtype).toBe("f16");
  const want = normalise({ shape, training: false }, data, running).y;
  expectClose(await y.data(), want, { rtol: HALF_ROUNDING, atol: 0 });
});

testHalf("weights and statistics stay f32; the residual has the dtype of x", () => {
  using _scope = new Scope();
  const [x, residual] = [empty([2, 2, 3], "f16"), empty([2, 2, 3])];
  const of = (t: Tensor, weight: Tensor) => () =>
    batchNormAddRelu(x, t, weight, empty([2]), null, null, { training: true });
  expect(of(residual, empty([2]))).toThrow("residual: expected f16 like x, got f32; use cast");
  expect(of(x, empty([2], "f16"))).toThrow("weight: expected f32, got f16");
});

testHalf("replayed steps give the bits of eager ones", async () => {
  const shape = [4, 3, 6, 6];
  const given = (seed: number) => ({ data: randomArray(product(shape), seed), shape });
  for (const name of norms) {
    await expectReplay(
      given(0),
      (x, { residual }) => {
        const [left, right] = [cast(x, "f16"), cast(residual!, "f16")];
        return fused[name](left, right, [null, null, null, null], { training: true });
      },
      [{ residual: given(1) }, { residual: given(2) }],
    );
  }
});
