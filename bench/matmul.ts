// Matrix products: each kernel family is checked against the naive twin, then timed in turns with it.
//   node --import tsx --import ./tools/wgsl_node.mjs bench/matmul.ts [--json FILE] [MxNxK ...]
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { requestGpu } from "../src/gpu/index.ts";
import { installGpu } from "../src/node/dawn.ts";
import { gemm, transposed } from "../src/ops/matmul/gemm.ts";
import { type GemmFamily, planGemm } from "../src/ops/matmul/plan.ts";
import { empty, Scope, type Tensor, tensor } from "../src/tensor/index.ts";

interface Product {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  /** Operand that lies transposed in memory. */
  readonly stored: "ab" | "aTb" | "abT";
}

const ROUNDS = 7;
// 512³ is the reference size; the rest are the products of a 784-128-10 network at batch 256.
const DEFAULT: Product[] = [
  { m: 512, n: 512, k: 512, stored: "ab" },
  { m: 512, n: 512, k: 512, stored: "aTb" },
  { m: 512, n: 512, k: 512, stored: "abT" },
  { m: 256, n: 128, k: 784, stored: "abT" },
  { m: 128, n: 784, k: 256, stored: "aTb" },
  { m: 256, n: 784, k: 128, stored: "ab" },
  { m: 256, n: 10, k: 128, stored: "abT" },
  { m: 10, n: 128, k: 256, stored: "aTb" },
  { m: 1, n: 128, k: 784, stored: "abT" },
  { m: 16, n: 16, k: 20000, stored: "aTb" },
];

function values(n: number, seed: number): Float32Array {
  let state = seed;
  return Float32Array.from({ length: n }, () => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return state / 0x40000000 - 1;
  });
}

const median = (list: number[]): number => [...list].sort((a, b) => a - b)[list.length >> 1] as number;

const { values: args, positionals } = parseArgs({ allowPositionals: true, options: { json: { type: "string" } } });
const products = positionals.map((text): Product => {
  const [m, n, k] = text.split("x").map(Number);
  if (!(m && n && k)) throw new Error(`bench/matmul: a product is MxNxK, was given ${text}`);
  return { m, n, k, stored: "ab" };
});

await installGpu();
const gpu = await requestGpu();
const rows: object[] = [];
console.log(`${gpu.adapter.description}, subgroups of ${gpu.adapter.subgroupSize}; median of ${ROUNDS} rounds`);
console.log("product              kernel    first ms      ms   GFLOP/s   x naive");

for (const { m, n, k, stored } of products.length > 0 ? products : DEFAULT) {
  using _scope = new Scope();
  const a = tensor(values(m * k, 1));
  const b = tensor(values(k * n, 2));
  const left = stored === "aTb" ? { tensor: a, row: 1, col: m } : { tensor: a, row: k, col: 1 };
  const plain = { tensor: b, row: n, col: 1 };
  const right = stored === "abT" ? transposed({ ...plain, row: k }) : plain;
  const run = (y: Tensor, family: GemmFamily) => gemm({ a: left, b: right, y, m, n, k, family });
  const families: GemmFamily[] = gpu.adapter.subgroupSize > 0 ? ["naive", "tile", "subgroup"] : ["naive", "tile"];
  const chosen = planGemm(gpu.adapter, { m, n, k, batch: 1 }).family;
  const first: Record<string, number> = {};
  let want: Float32Array | null = null;
  for (const family of families) {
    const y = empty([m, n]);
    await gpu.wait();
    const start = performance.now();
    run(y, family);
    const got = (await y.data()) as Float32Array;
    first[family] = performance.now() - start;
    want ??= got;
    const scale = want.reduce((s, v) => Math.max(s, Math.abs(v)), 0);
    got.forEach((v, i) => {
      // Two f32 sums of k terms in different order.
      if (!(Math.abs(v - (want?.[i] as number)) <= 1e-5 * scale)) {
        throw new Error(`${family} ${m}x${n}x${k}: [${i}] is ${v}, naive has ${want?.[i]}`);
      }
    });
  }
  const times: Record<string, number[]> = Object.fromEntries(families.map((f) => [f, []]));
  const y = empty([m, n]);
  for (let round = 0; round < ROUNDS; round++) {
    for (const family of families) {
      // Small products are repeated inside one submit, so that its cost does not drown them.
      const repeat = Math.max(1, Math.min(50, Math.floor(2e7 / (m * n * k))));
      await gpu.wait();
      const start = performance.now();
      for (let i = 0; i < repeat; i++) run(y, family);
      await gpu.wait();
      times[family]?.push((performance.now() - start) / repeat);
    }
  }
  const naive = median(times["naive"] as number[]);
  for (const family of families) {
    const ms = median(times[family] as number[]);
    const gflops = (2 * m * n * k) / ms / 1e6;
    rows.push({ m, n, k, stored, family, firstMs: first[family], ms, gflops, ratio: naive / ms });
    const name = `${m}x${n}x${k} ${stored}`;
    const cells = [(first[family] as number).toFixed(0), ms.toFixed(3), gflops.toFixed(2), (naive / ms).toFixed(1)];
    const mark = family === chosen ? "  <- rule" : "";
    console.log(name.padEnd(21) + family.padEnd(9) + cells.map((cell) => cell.padStart(9)).join(" ") + mark);
  }
}
if (args.json) writeFileSync(args.json, `${JSON.stringify({ adapter: gpu.adapter.description, rows }, null, 1)}\n`);
gpu.destroy();
process.exit(0);
