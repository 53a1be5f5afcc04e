import fc from "fast-check";
import { expect, test } from "vitest";
import { Tape } from "../../src/autograd/index.ts";
import { currentGpu, OpError } from "../../src/gpu/index.ts";
import { gemm } from "../../src/ops/matmul/gemm.ts";
import { transposed } from "../../src/ops/matmul/matrix.ts";
import { type GemmFamily, type GemmPlan, otherPlans, planGemm } from "../../src/ops/matmul/plan.ts";
import { TRIED_TILES } from "../../src/ops/matmul/tiles.ts";
import { matmul } from "../../src/ops/matmul.ts";
import { captureStep, empty, metaTensor, Scope, type Tensor, tensor } from "../../src/tensor/index.ts";
import { matmulReference } from "../reference/matmul.ts";
import { expectClose, maxAbs } from "../support/close.ts";
import { gradcheck } from "../support/gradcheck.ts";
import { randomArray } from "../support/random.ts";

// f32 sums in blocks of 256 terms: about sqrt(k) · 6e-8 of the largest product sum.
const tolerance = { rtol: 1e-5, atol: 2e-6 };

/** Families this adapter can run. */
function families(): GemmFamily[] {
  return currentGpu().adapter.subgroupSize > 0 ? ["subgroup", "rows", "tile", "naive"] : ["tile", "naive"];
}

/** Run gemm with one kernel family or plan on [m, k] x [k, n], operands stored as asked. */
async function run(
  how: GemmFamily | GemmPlan,
  a: Float32Array,
  b: Float32Array,
  { m, n, k, transposeA = false, transposeB = false }: Parameters<typeof matmulReference>[2],
  bias: Float32Array | null = null,
): Promise<ArrayLike<number>> {
  using _scope = new Scope();
  const left = { tensor: tensor(a), row: transposeA ? m : k, col: 1 };
  const right = { tensor: tensor(b), row: transposeB ? k : n, col: 1 };
  const y = empty([m, n]);
  gemm({
    a: transposeA ? { ...left, row: 1, col: m } : left,
    b: transposeB ? transposed(right) : right,
    y,
    m,
    n,
    k,
    bias: bias && tensor(bias),
    ...(typeof how === "string" ? { family: how } : { plan: how }),
  });
  return await y.data();
}

test("every kernel family agrees with the reference on any size, transposed or not", async () => {
  const size = fc.integer({ min: 1, max: 70 });
  await fc.assert(
    fc.asyncProperty(size, size, size, fc.boolean(), fc.boolean(), async (m, n, k, transposeA, transposeB) => {
      const a = randomArray(m * k, 1);
      const b = randomArray(k * n, 2);
      const bias = randomArray(n, 3);
      const want = matmulReference(a, b, { m, n, k, transposeA, transposeB }).map((v, i) => v + bias[i % n]!);
      for (const family of families()) {
        const got = await run(family, a, b, { m, n, k, transposeA, transposeB }, bias);
        expectClose(got, want, tolerance, `${family} ${m}x${n}x${k} ${transposeA} ${transposeB}`);
      }
    }),
    {
      numRuns: 12,
      seed: 5,
      examples: [
        [1, 1, 1, false, false],
        [16, 64, 16, false, false],
        [17, 65, 33, true, true],
      ],
    },
  );
});

test("a long k is split in a fixed order, keeps its precision and its bits", async () => {
  const [m, n, k] = [5, 3, 7001];
  const a = randomArray(m * k, 4).map((v) => v + 1); // a mean: partial sums grow to 7000
  const b = randomArray(k * n, 5).map((v) => v + 1);
  const bias = randomArray(n, 6);
  const want = matmulReference(a, b, { m, n, k }).map((v, i) => v + bias[i % n]!);
  for (const family of families()) {
    const first = await run(family, a, b, { m, n, k }, bias);
    expectClose(first, want, { rtol: 1e-6, atol: 0 }, family);
    expect(await run(family, a, b, { m, n, k }, bias)).toEqual(first);
  }
});

test("the plan: family by adapter, fewer tiles by orientation, splits only when k is long", () => {
  const software = { software: true, subgroupSize: 8 };
  expect(planGemm(software, { m: 512, n: 512, k: 512, batch: 1 })).toMatchObject({
    family: "subgroup",
    swap: false,
    splits: 1,
  });
  expect(planGemm(software, { m: 256, n: 10, k: 128, batch: 1 }).swap).toBe(true);
  expect(planGemm(software, { m: 3, n: 1000, k: 512, batch: 1 })).toMatchObject({
    family: "rows",
    rows: 4,
    swap: false,
  });
  expect(planGemm(software, { m: 1000, n: 1, k: 512, batch: 1 })).toMatchObject({
    family: "rows",
    rows: 1,
    swap: true,
  });
  const plain = { software: true, subgroupSize: 0 };
  expect(planGemm(plain, { m: 64, n: 64, k: 64, batch: 1 }).family).toBe("tile");
  expect(planGemm(plain, { m: 1, n: 100, k: 64, batch: 1 }).family).toBe("naive");
  expect(planGemm(plain, { m: 512, n: 512, k: 64_000, batch: 1 }).splits).toBe(16);
  const hardware = { software: false, subgroupSize: 32 };
  expect(planGemm(hardware, { m: 512, n: 512, k: 512, batch: 1 }).family).toBe("tile");
  expect(planGemm(hardware, { m: 64, n: 64, k: 100_000, batch: 1 }).splits).toBeGreaterThan(30);
  fc.assert(
    fc.property(fc.nat(300), fc.nat(300), fc.nat(100_000), fc.nat(9), (m, n, k, batch) => {
      const plan = planGemm(hardware, { m: m + 1, n: n + 1, k: k + 1, batch: batch + 1 });
      expect(plan.splits).toBeGreaterThanOrEqual(1);
      if (plan.splits > 1) expect((k + 1) / plan.splits).toBeGreaterThan(128);
    }),
  );
});

test("the tuner's candidates are few, have distinct names, and need no more memory than the rule's", () => {
  fc.assert(
    fc.property(fc.nat(3000), fc.nat(3000), fc.nat(100_000), fc.constantFrom("apple", "nvidia"), (m, n, k, vendor) => {
      const size = { m: m + 1, n: n + 1, k: k + 1, batch: 1 };
      const hardware = { software: false, subgroupSize: 32, vendor };
      const rule = planGemm(hardware, size);
      const all = otherPlans(hardware, size, rule);
      const labels = new Set([rule, ...all].map((plan) => plan.label));
      expect(labels.size).toBe(all.length + 1);
      expect(labels.size).toBeLessThanOrEqual(9);
      for (const plan of all) {
        expect(plan.family).toBe("tile"); // broadcast kernels spill on hardware
        expect(plan.splits).toBeLessThanOrEqual(rule.splits);
      }
    }),
  );
});

test("the tile follows the product: large for many results, narrow for few columns, split sums for few tiles", () => {
  const hardware = { software: false, subgroupSize: 32 };
  const plan = (m: number, n: number, k: number) => {
    const { rows, columns, splits } = planGemm(hardware, { m, n, k, batch: 1 });
    return { rows, columns, splits };
  };
  expect(plan(4096, 4096, 1024)).toEqual({ rows: 128, columns: 128, splits: 1 });
  expect(plan(60, 50, 64)).toEqual({ rows: 32, columns: 32, splits: 1 });
  expect(plan(100_000, 10, 512)).toMatchObject({ rows: 128, columns: 16 });
  expect(plan(10, 100_000, 512)).toMatchObject({ rows: 16, columns: 128 });
  expect(plan(512, 512, 100_352).splits).toBeGreaterThan(24);
  // Many workgroups, and no sum of more than 4096 terms.
  expect(plan(4096, 4096, 16_384).splits).toBe(2); // more partial sums exceed the workspace
  expect(plan(1024, 1024, 16_384).splits).toBeGreaterThanOrEqual(4);
});

test("every tile is right in every layout, with edges and with sizes of fours", async () => {
  const layouts = [
    { transposeA: false, transposeB: false },
    { transposeA: true, transposeB: false },
    { transposeA: false, transposeB: true },
    { transposeA: true, transposeB: true },
  ];
  for (const [i, tile] of TRIED_TILES.entries()) {
    const { rows, columns, spec } = tile;
    const [m, n, k] = i % 2 === 0 ? [rows - 3, columns + 5, 21] : [rows + 4, columns + 8, 44];
    const layout = layouts[i % 4]!;
    const a = randomArray(m * k, 1);
    const b = randomArray(k * n, 2);
    const bias = randomArray(n, 3);
    const want = matmulReference(a, b, { m, n, k, ...layout }).map((v, e) => v + bias[e % n]!);
    const plan = { family: "tile", rows, columns, spec, swap: false, splits: 1, label: "" } as const;
    const got = await run(plan, a, b, { m, n, k, ...layout }, bias);
    expectClose(got, want, tolerance, `${rows}x${columns}x${spec.DEPTH} ${m}x${n}x${k} ${JSON.stringify(layout)}`);
  }
});

test("products of one to four rows or columns, long sums among them", async () => {
  for (const [m, n, k] of [
    [1, 100, 300],
    [2, 9, 40],
    [3, 65, 33],
    [4, 10, 5000],
    [70, 1, 2049],
    [1, 1, 3000],
  ] as const) {
    using _scope = new Scope();
    const a = randomArray(m * k, 1);
    const b = randomArray(k * n, 2);
    const want = matmulReference(a, b, { m, n, k });
    expectClose(await matmul(tensor(a, [m, k]), tensor(b, [k, n])).data(), want, tolerance, `${m}x${n}x${k}`);
    const turned = matmulReference(a, b, { m, n, k, transposeB: true });
    const y = matmul(tensor(a, [m, k]), tensor(b, [n, k]), { transposeB: true });
    expectClose(await y.data(), turned, tolerance, `${m}x${n}x${k}, b transposed`);
  }
});

const a3 = { data: randomArray(3 * 4 * 6, 7), shape: [3, 4, 6] };
const cases = [
  { title: "2-d", a: { data: randomArray(35, 1), shape: [7, 5] }, b: { data: randomArray(45, 2), shape: [5, 9] } },
  { title: "batched", a: a3, b: { data: randomArray(90, 2), shape: [3, 6, 5] }, batch: [3, 3, 3] },
  { title: "one b for all", a: a3, b: { data: randomArray(30, 2), shape: [6, 5] }, batch: [3, 1, 3] },
  {
    title: "one transposed b for all",
    a: a3,
    b: { data: randomArray(30, 2), shape: [1, 5, 6] },
    batch: [3, 1, 3],
    options: { transposeB: true },
  },
  {
    title: "one b for all transposed a",
    a: { data: a3.data, shape: [3, 6, 4] },
    b: { data: randomArray(30, 2), shape: [6, 5] },
    batch: [3, 1, 3],
    options: { transposeA: true },
  },
  {
    title: "one a for all",
    a: { data: randomArray(24, 3), shape: [4, 6] },
    b: { data: randomArray(90, 2), shape: [3, 5, 6] },
    batch: [1, 3, 3],
    options: { transposeB: true },
  },
] as const;

for (const { title, a, b, ...rest } of cases) {
  test(`values and gradients: ${title}`, async () => {
    const options = "options" in rest ? rest.options : {};
    const batch = "batch" in rest ? rest.batch : ([1, 1, 1] as const);
    const flags = { transposeA: "transposeA" in options, transposeB: "transposeB" in options };
    const [m, k] = flags.transposeA ? [a.shape.at(-1)!, a.shape.at(-2)!] : [a.shape.at(-2)!, a.shape.at(-1)!];
    const n = flags.transposeB ? b.shape.at(-2)! : b.shape.at(-1)!;
    await gradcheck({
      inputs: { a, b },
      op: ({ a, b }) => matmul(a!, b!, options),
      reference: ({ a, b }) => matmulReference(a!, b!, { m, n, k, batch, ...flags }),
    });
  });
}

test("crossed broadcasting of rank 5 equals the products one by one", async () => {
  using _scope = new Scope();
  // a [2,1,3,4,5] x b [7,1,5,6] -> [2,7,3,4,6]
  const a = randomArray(2 * 3 * 4 * 5, 8);
  const b = randomArray(7 * 5 * 6, 9);
  const y = matmul(tensor(a, [2, 1, 3, 4, 5]), tensor(b, [7, 1, 5, 6]));
  expect(y.shape).toEqual([2, 7, 3, 4, 6]);
  const got = await y.data();
  for (let i = 0; i < 2; i++)
    for (let j = 0; j < 7; j++)
      for (let l = 0; l < 3; l++) {
        const want = matmulReference(a.subarray((i * 3 + l) * 20), b.subarray(j * 30), { m: 4, n: 6, k: 5 });
        const at = ((i * 7 + j) * 3 + l) * 24;
        expectClose(got.subarray(at, at + 24), want, tolerance);
      }
});

test("the product is linear, and its gradient is its adjoint: <ab, g> = <a, da>", async () => {
  const size = fc.integer({ min: 1, max: 40 });
  await fc.assert(
    fc.asyncProperty(size, size, size, fc.integer({ min: 1, max: 3 }), async (m, n, k, batch) => {
      using _scope = new Scope();
      const a = tensor(randomArray(batch * m * k, m), [batch, m, k]);
      const b = tensor(randomArray(batch * k * n, n), [batch, k, n]);
      const g = tensor(randomArray(batch * m * n, k), [batch, m, n]);
      a.requiresGrad = true;
      let y: ArrayLike<number>;
      {
        using tape = new Tape();
        const product = tape.keep(matmul(a, b));
        tape.backward(product, g);
        y = await product.data();
      }
      const dot = (x: ArrayLike<number>, z: ArrayLike<number>) =>
        Array.from(x).reduce((sum, v, i) => sum + v * z[i]!, 0);
      const gValues = await g.data();
      const right = dot(await a.data(), await a.grad!.data());
      a.grad!.dispose();
      const scale = Array.from(y).reduce((sum, v, i) => sum + Math.abs(v * gValues[i]!), 0);
      expect(Math.abs(dot(y, gValues) - right)).toBeLessThan(1e-5 * scale + 1e-5);
    }),
    { numRuns: 8, seed: 3 },
  );
});

test("a replayed product equals the eager one bit for bit", async () => {
  const x = randomArray(9 * 515, 3);
  using _scope = new Scope();
  const b = tensor(randomArray(515 * 6, 4), [515, 6]);
  using step = captureStep(({ a }: { a: Tensor }) => ({ y: matmul(a, b) }));
  const input = { a: { data: x, shape: [9, 515] } };
  step.run(input);
  step.run(input);
  const replayed = await step.outputs.y.data();
  expect(replayed).toEqual(await matmul(tensor(x, [9, 515]), b).data());
  expect(maxAbs(replayed)).toBeGreaterThan(1);
});

test("errors name the sizes", () => {
  expect(() => matmul(metaTensor([3, 4]), metaTensor([5, 6]))).toThrow(
    "matmul: expected equal k, got 4 in a and 5 in b (a [3,4], b [5,6])",
  );
  expect(() => matmul(metaTensor([3, 4]), metaTensor([4]))).toThrow("b: expected 2 to 5 axes, got 1");
  expect(() => matmul(metaTensor([2, 3, 4]), metaTensor([3, 4, 5]))).toThrow(
    "expected shapes that broadcast, got [2] and [3]",
  );
  expect(() => matmul(metaTensor([2, 3], "i32"), metaTensor([3, 4]))).toThrow(OpError);
  expect(matmul(metaTensor([2, 4, 3]), metaTensor([5, 4]), { transposeA: true, transposeB: true }).shape).toEqual([
    2, 3, 5,
  ]);
});
