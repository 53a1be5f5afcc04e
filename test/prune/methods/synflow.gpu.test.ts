// SynFlow: conservation of the scores, exact shares, independence of the data, and networks whose flow exceeds f32.
import { expect, test } from "vitest";
import { Linear, manualSeed, ReLU, Sequential } from "../../../src/nn/index.ts";
import type { PruningRun } from "../../../src/prune/index.ts";
import { Flow, linearised } from "../../../src/prune/methods/synflow.ts";
import { Session } from "../../../src/train/index.ts";
import { randomArray } from "../../support/random.ts";
import { TINY_LAYERS, TINY_WEIGHTS, tensorOf, tinyRun, tinySession, zerosOf } from "../../support/tiny_session.ts";

const layers = Object.keys(TINY_LAYERS);
const sum = (values: Iterable<number>) => [...values].reduce((a, b) => a + b, 0);

/** Run `work` in place of the preparation of a session's method. */
async function during<T>(session: Session, work: (run: PruningRun) => Promise<T>): Promise<T> {
  let result: T | undefined;
  session.method.prepare = async (run) => {
    result = await work(run);
  };
  try {
    await session.prepare();
  } finally {
    session.dispose();
  }
  return result!;
}

/** A chain of linear layers with weights of about `size`, and a session of method synflow. */
function chain(depth: number, width: number, size: number): { session: Session; weights: Float32Array[] } {
  manualSeed(1);
  const model = new Sequential(
    Array.from({ length: depth }, () => [new Linear(width, width), new ReLU()])
      .flat()
      .slice(0, -1),
  );
  const weights = model
    .parameters()
    .filter((p) => p.prunable)
    .map((p, k) => {
      const w = randomArray(p.numel, k + 1, size);
      p.set(w);
      return w;
    });
  const data = { x: randomArray(8 * width), shape: [width], y: Int32Array.from({ length: 8 }, (_, i) => i % width) };
  const config = { epochs: 1, batchSize: 8, prune: { method: "synflow", sparsity: 0.9 } } as const;
  return { session: new Session({ model, data, config }), weights };
}

/** The logarithm of each score of a chain, in float64. */
function referenceScores(weights: readonly Float32Array[], width: number): number[][] {
  const product = (w: Float32Array, x: readonly number[], transposed: boolean) => {
    const y = Array.from({ length: width }, (_, o) =>
      sum(x.map((v, i) => Math.abs(transposed ? w[i * width + o]! : w[o * width + i]!) * v)),
    );
    return y;
  };
  const ones = new Array<number>(width).fill(1);
  const inputs = [ones];
  for (const w of weights) inputs.push(product(w, inputs.at(-1)!, false));
  let back = ones;
  const scores: number[][] = [];
  for (let l = weights.length - 1; l >= 0; l--) {
    const w = weights[l]!;
    const logs = Array.from(
      w,
      (v, at) => Math.log(Math.abs(v)) + Math.log(inputs[l]![at % width]!) + Math.log(back[Math.floor(at / width)]!),
    );
    scores.unshift(logs);
    back = product(w, back, true);
  }
  return scores;
}

test("the scores of every layer add up to the same flow", async () => {
  const { measured, scores } = await during(tinySession({ method: "synflow", sparsity: 0.9 }), async (run) => {
    run.model.loadStateDict(linearised(run.model, await run.model.stateDict()));
    run.model.eval();
    using flow = new Flow(run);
    const found = await flow.scores();
    return { measured: await flow.measure(), scores: found };
  });
  const sums = scores.map(sum);
  expect(sums).toHaveLength(layers.length);
  for (const s of sums) expect(s / sums[0]!).toBeCloseTo(1, 4);
  expect(measured.scale).toBe(1);
  // The scores are R, up to a power of two.
  const power = Math.log2(measured.flow / sums[0]!);
  expect(power - Math.round(power)).toBeCloseTo(0, 3);
});

test.each([0.3, 0.5, 0.8, 0.9, 0.98] as const)("to %d: exact in total, and no layer is empty", async (sparsity) => {
  const { bytes } = await tinyRun({ method: "synflow", sparsity, rounds: 20 }, { epochs: 1 });
  const zeros = zerosOf(bytes);
  expect(sum(Object.values(zeros))).toBe(Math.floor(sparsity * TINY_WEIGHTS));
  for (const [name, n] of Object.entries(TINY_LAYERS)) expect(zeros[name as keyof typeof zeros], name).toBeLessThan(n);
});

test("masks only grow over the rounds, and layers left dense keep their weights", async () => {
  const seen = await during(tinySession({ method: "synflow", sparsity: 0.9, dense: ["last"] }), async (run) => {
    run.model.loadStateDict(linearised(run.model, await run.model.stateDict()));
    run.model.eval();
    using flow = new Flow(run);
    const masks: Float32Array[][] = [];
    for (const share of [0.2, 0.5, 0.8, 0.95]) {
      await flow.measure();
      flow.cut(share);
      const params = run.model.parameters().filter((p) => p.prunable);
      masks.push((await Promise.all(params.map((p) => p.data()))) as Float32Array[]);
    }
    return masks;
  });
  const pruned = TINY_WEIGHTS - TINY_LAYERS["9.weight"];
  seen.forEach((mask, round) => {
    const zeros = sum(mask.map((w) => w.filter((v) => v === 0).length));
    expect(zeros).toBe(Math.floor([0.2, 0.5, 0.8, 0.95][round]! * pruned));
    expect(mask[3]!.every((v) => v !== 0)).toBe(true);
    if (round > 0)
      seen[round - 1]!.forEach((w, k) => {
        w.forEach((v, i) => {
          if (v === 0) expect(mask[k]![i]).toBe(0);
        });
      });
  });
});

test("the mask does not depend on the data, the loss or the order of the batches", async () => {
  const places = async (more: Parameters<typeof tinyRun>[1]) => {
    const { bytes } = await tinyRun({ method: "synflow", sparsity: 0.8, rounds: 10 }, { epochs: 1, ...more });
    return layers.map((name) => [...tensorOf(bytes, `model.${name}`)].map((w) => w === 0));
  };
  const first = await places({});
  expect(await places({ batchSize: 24, labelSmoothing: 0.2, augment: { crop: 0, flip: true } })).toEqual(first);
});

test.each([
  { name: "a flow of f32", size: 0.2, scale: (s: number) => s === 1 },
  { name: "a flow far above f32", size: 5, scale: (s: number) => s < 1 },
  { name: "a flow far below f32", size: 2e-3, scale: (s: number) => s > 1 },
])("$name: the scores are those of float64", async ({ size, scale }) => {
  const [depth, width] = [30, 16];
  const { session, weights } = chain(depth, width, size);
  const want = referenceScores(weights, width);
  const { flow, found } = await during(session, async (run) => {
    run.model.loadStateDict(linearised(run.model, await run.model.stateDict()));
    run.model.eval();
    using measured = new Flow(run);
    return { flow: await measured.measure(), found: await measured.scores() };
  });
  expect(scale(flow.scale)).toBe(true);
  // All scores have one factor, a power of two.
  const shift = Math.log(found[0]![0]!) - want[0]![0]!;
  const most = Math.max(...found.flatMap((list) => [...list]));
  found.forEach((list, l) => {
    list.forEach((v, i) => {
      if (v > 1e-20 * most) expect(Math.abs(Math.log(v) - want[l]![i]! - shift)).toBeLessThan(1e-3);
    });
  });
});

test("a network without a path from the input to the output is refused", async () => {
  const { session } = chain(3, 4, 1);
  const weight = session.model.parameters().find((p) => p.prunable)!;
  weight.set(new Float32Array(weight.numel));
  await expect(session.prepare()).rejects.toThrow(/synflow: expected a flow from the input to the output, got 0/);
  session.dispose();
});

test("samples that are no numbers of f32 are refused", () => {
  const make = () =>
    new Session({
      model: new Sequential([new Linear(2, 2)]),
      data: { x: Int32Array.of(0, 1, 1, 0), shape: [2], y: Int32Array.of(0, 1) },
      config: { prune: { method: "synflow", sparsity: 0.5 } },
    });
  expect(make).toThrow(/synflow: expected samples of f32 numbers, got i32/);
});
