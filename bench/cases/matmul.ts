// Matrix products: each kernel family against the naive twin. "auto" is the choice of matmul() and linear().
import { currentGpu } from "../../src/gpu/index.ts";
import { gemm } from "../../src/ops/matmul/gemm.ts";
import { transposed } from "../../src/ops/matmul/matrix.ts";
import type { GemmFamily } from "../../src/ops/matmul/plan.ts";
import { empty, type Tensor } from "../../src/tensor/index.ts";
import type { KernelCase } from "../lib/case.ts";
import { bytes, random } from "./data.ts";
import { recorded } from "./recorded.ts";

/** [m, k] x [k, n]; `stored` names the operand that is transposed in memory. */
interface Product {
  readonly what?: string;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly stored?: "aTb" | "abT";
}

// linear(x, w) is x wᵀ; its gradients are dy w and dyᵀ x.
const PRODUCTS: readonly Product[] = [
  { m: 256, n: 256, k: 256 },
  { m: 512, n: 512, k: 512 },
  { m: 512, n: 512, k: 512, stored: "aTb" },
  { m: 512, n: 512, k: 512, stored: "abT" },
  { m: 1024, n: 1024, k: 64 },
  { m: 64, n: 1024, k: 1024 },
  { m: 1, n: 1024, k: 1024, what: "row x matrix" },
  { m: 1, n: 1000, k: 512, what: "row x matrix" },
  { m: 1, n: 1000, k: 512, stored: "abT", what: "row x matrix" },
  { m: 2, n: 1000, k: 512, what: "few rows" },
  { m: 4, n: 1000, k: 512, what: "few rows" },
  { m: 4, n: 10, k: 512, stored: "abT", what: "few rows" },
  { m: 1000, n: 1, k: 512, what: "matrix x column" },
  { m: 64, n: 128, k: 784, stored: "abT", what: "LeNet fc1" },
  { m: 64, n: 784, k: 128, what: "LeNet fc1, grad input" },
  { m: 128, n: 784, k: 64, stored: "aTb", what: "LeNet fc1, grad weight" },
  { m: 64, n: 10, k: 128, stored: "abT", what: "LeNet fc2" },
  { m: 128, n: 10, k: 64, stored: "abT", what: "ResNet-20 fc" },
  { m: 16, n: 1000, k: 512, stored: "abT", what: "ResNet-18 fc" },
  { m: 16, n: 16, k: 20000, stored: "aTb", what: "long sums" },
];

const LARGE: readonly Product[] = [
  { m: 2048, n: 2048, k: 2048 },
  { m: 4096, n: 4096, k: 4096 },
  { m: 8192, n: 1024, k: 1024, stored: "abT" },
];

function matmulCase({ m, n, k, stored, what }: Product): KernelCase {
  const layout = stored ? ` ${stored}` : "";
  return {
    kind: "kernel",
    group: "matmul",
    name: `${m}x${n}x${k}${layout}${what ? ` (${what})` : ""}`,
    work: { flops: 2 * m * n * k, bytes: bytes([m, k], [k, n], [m, n]) },
    prepare() {
      const a = random([m * k], 1);
      const b = random([k * n], 2);
      const left = stored === "aTb" ? { tensor: a, row: 1, col: m } : { tensor: a, row: k, col: 1 };
      const right = stored === "abT" ? transposed({ tensor: b, row: k, col: 1 }) : { tensor: b, row: n, col: 1 };
      const run = (family: GemmFamily | null): readonly Tensor[] => {
        const y = empty([m, n]);
        gemm({ a: left, b: right, y, m, n, k, ...(family ? { family } : {}) });
        return [y];
      };
      const few: GemmFamily[] = Math.min(m, n) <= 4 ? ["rows"] : [];
      const families: GemmFamily[] =
        currentGpu().adapter.subgroupSize > 0 ? ["naive", "tile", "subgroup", ...few] : ["naive", "tile"];
      return { variants: [...families.map((f) => recorded(f, () => run(f))), recorded("auto", () => run(null))] };
    },
  };
}

export const matmulCases: readonly KernelCase[] = PRODUCTS.map(matmulCase);
export const matmulLargeCases: readonly KernelCase[] = LARGE.map(matmulCase);
