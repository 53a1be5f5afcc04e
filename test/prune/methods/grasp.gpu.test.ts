// GraSP: the Hessian-gradient product against float64, exact shares, and the choice of the largest scores.
import { expect, test } from "vitest";
import { Linear, manualSeed, Sequential, Tanh } from "../../../src/nn/index.ts";
import { hessianGradient } from "../../../src/prune/methods/grasp.ts";
import { prunedParameters } from "../../../src/prune/methods/pruned.ts";
import { smallest } from "../../../src/prune/methods/snip.ts";
import { Session } from "../../../src/train/index.ts";
import { testHalf } from "../../support/half.ts";
import { randomArray } from "../../support/random.ts";
import { sameBits, sparsityIn, TINY_WEIGHTS, tinyRun, tinySession, zerosOf } from "../../support/tiny_session.ts";

const [INPUTS, HIDDEN, CLASSES, SAMPLES] = [5, 7, 3, 12];
const samples = randomArray(SAMPLES * INPUTS, 4);
const labels = Int32Array.from({ length: SAMPLES }, (_, i) => (i * i) % CLASSES);

/** Weights and biases of a network of two layers, in float64. */
type Net = readonly [w1: Float64Array, b1: Float64Array, w2: Float64Array, b2: Float64Array];

/** The gradient of the mean cross entropy with respect to both weights. */
function gradientOf([w1, b1, w2, b2]: Net): [Float64Array, Float64Array] {
  const [g1, g2] = [new Float64Array(w1.length), new Float64Array(w2.length)];
  for (let n = 0; n < SAMPLES; n++) {
    const x = Array.from(samples.subarray(n * INPUTS, (n + 1) * INPUTS));
    const h = Array.from(b1, (b, j) => Math.tanh(x.reduce((s, v, i) => s + w1[j * INPUTS + i]! * v, b)));
    const z = Array.from(b2, (b, c) => h.reduce((s, v, j) => s + w2[c * HIDDEN + j]! * v, b));
    const exps = z.map(Math.exp);
    const total = exps.reduce((a, b) => a + b, 0);
    const dz = exps.map((e, c) => (e / total - Number(c === labels[n])) / SAMPLES);
    const dh = h.map((v, j) => (1 - v * v) * dz.reduce((s, d, c) => s + d * w2[c * HIDDEN + j]!, 0));
    dz.forEach((d, c) => {
      h.forEach((v, j) => {
        g2[c * HIDDEN + j]! += d * v;
      });
    });
    dh.forEach((d, j) => {
      x.forEach((v, i) => {
        g1[j * INPUTS + i]! += d * v;
      });
    });
  }
  return [g1, g2];
}

/** H g in float64: a central difference whose step is far below that of f32, with an error of 1e-9. */
function exactProduct([w1, b1, w2, b2]: Net): [Float64Array, Float64Array] {
  const [g1, g2] = gradientOf([w1, b1, w2, b2]);
  const e = 1e-5;
  const at = (s: number) => gradientOf([w1.map((w, i) => w + s * g1[i]!), b1, w2.map((w, i) => w + s * g2[i]!), b2]);
  const [ahead, behind] = [at(e), at(-e)];
  return [0, 1].map((k) => ahead[k]!.map((g, i) => (g - behind[k]![i]!) / (2 * e))) as [Float64Array, Float64Array];
}

function mlp(): Session {
  manualSeed(2);
  const model = new Sequential([new Linear(INPUTS, HIDDEN), new Tanh(), new Linear(HIDDEN, CLASSES)]);
  const data = { x: samples, shape: [INPUTS], y: labels };
  return new Session({
    model,
    data,
    config: { epochs: 1, batchSize: SAMPLES, prune: { method: "grasp", sparsity: 0.5 } },
  });
}

test("the difference of gradients is the Hessian-gradient product of float64 within 1e-4, and the mask is that of its scores", async () => {
  const session = mlp();
  const state = [...(await session.model.stateDict()).values()].map(({ data }) => Float64Array.from(data));
  const want = exactProduct(state as unknown as Net);
  const own = session.method.prepare!.bind(session.method);
  let found: Awaited<ReturnType<typeof hessianGradient>> | undefined;
  session.method.prepare = async (run) => {
    found = await hessianGradient(run, prunedParameters(run.optimizer), 1);
    await own(run);
  };
  await session.prepare();
  const { weights, product } = found!;
  const size = Math.max(...want.flatMap((list) => [...list].map(Math.abs)));
  want.forEach((list, k) => {
    expect(Math.max(...list.map((v, i) => Math.abs(product[k]![i]! - v) / size))).toBeLessThan(1e-4);
    expect([...weights[k]!]).toEqual([...Float32Array.from(state[2 * k]!)]);
  });
  // -w Hg is largest where w Hg is smallest.
  const gone = smallest(
    want.map((list, k) => list.map((v, i) => v * weights[k]![i]!)),
    0.5,
  );
  const after = [...(await session.model.stateDict()).values()];
  gone.forEach((places, k) => {
    const now = after[2 * k]!.data;
    expect([...now.keys()].filter((i) => now[i] === 0)).toEqual([...places]);
    expect(now.every((v, i) => v === 0 || v === weights[k]![i])).toBe(true);
  });
  session.dispose();
});

test("removing the weights of the largest scores lowers the norm of the gradient less than removing those of the smallest", () => {
  const net = [
    randomArray(HIDDEN * INPUTS, 5, 0.5),
    randomArray(HIDDEN, 6, 0.1),
    randomArray(CLASSES * HIDDEN, 7, 0.5),
    randomArray(CLASSES, 8, 0.1),
  ].map((list) => Float64Array.from(list)) as unknown as Net;
  const product = exactProduct(net);
  const normWithout = (sign: number) => {
    const scores = product.map((list, k) => list.map((v, i) => sign * v * net[2 * k]![i]!));
    const gone = smallest(scores, 0.1);
    const cut = net.map((list, k) => (k % 2 === 1 ? list : list.map((w, i) => (gone[k / 2]!.includes(i) ? 0 : w))));
    return gradientOf(cut as unknown as Net).reduce((s, g) => s + g.reduce((a, v) => a + v * v, 0), 0);
  };
  expect(normWithout(1)).toBeGreaterThan(normWithout(-1));
});

test.each([0.3, 0.8, 0.95] as const)(
  "to %d: exact in total, and survivors keep their initial bits",
  async (sparsity) => {
    const session = tinySession({ method: "grasp", sparsity, snipBatches: 2 });
    const first = await session.model.stateDict();
    await session.prepare();
    const now = await session.model.stateDict();
    session.dispose();
    let zeros = 0;
    for (const [name, { data }] of first) {
      const after = now.get(name)!.data;
      if (![...after].includes(0)) expect(sameBits(after, data), name).toBe(true);
      data.forEach((v, i) => {
        if (after[i] === 0 && v !== 0) zeros++;
        else expect(after[i], `${name}[${i}]`).toBe(v);
      });
    }
    expect(zeros).toBe(Math.floor(sparsity * TINY_WEIGHTS));
  },
);

test("layers left dense keep their weights, and count in the target", async () => {
  const { bytes } = await tinyRun({ method: "grasp", sparsity: 0.5, dense: ["first"] }, { epochs: 1 });
  expect(zerosOf(bytes)["0.weight"]).toBe(0);
  expect(sparsityIn(bytes)).toBeCloseTo(0.5, 3);
});

test("a custom loss decides the mask", async () => {
  const mask = async (labelSmoothing: number) => {
    const { bytes } = await tinyRun({ method: "grasp", sparsity: 0.5 }, { epochs: 1, labelSmoothing });
    return zerosOf(bytes);
  };
  expect(await mask(0.9)).not.toEqual(await mask(0));
});

testHalf("f16 is refused by name", () => {
  expect(() => tinySession({ method: "grasp", sparsity: 0.5 }, { precision: "f16" })).toThrow(
    "grasp: precision: expected f32: f16 rounds away the differences of gradients, got f16",
  );
});
