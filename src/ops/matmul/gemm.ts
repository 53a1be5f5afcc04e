// gemm(): enqueues a batch of matrix products, y = a b (+ bias), on operands described by strides.
import naiveWgsl from "../../../shaders/matmul_naive.wgsl";
import splitsWgsl from "../../../shaders/matmul_splits.wgsl";
import tileWgsl from "../../../shaders/matmul_tile.wgsl";
import {
  type AdapterReport,
  type Bindable,
  type Candidate,
  currentGpu,
  devicePart,
  grid1d,
  groups1d,
  type Kernel,
  kernel,
  OpError,
  type Trial,
  tuneClass,
} from "../../gpu/index.ts";
import { actSpec, bytesOf, type DType, empty, type Tensor } from "../../tensor/index.ts";
import { mergeAxes } from "../pointwise/merge_axes.ts";
import type { MatrixTile } from "../tuning/matrix_tile.ts";
import { disposeAll, trialTensor } from "../tuning/trial_tensor.ts";
import { type Matrix, transposed } from "./matrix.ts";
import { type GemmFamily, type GemmPlan, otherPlans, planGemm, termsPerSplit } from "./plan.ts";
import { type ProductTypes, tileLayout, typeSpec } from "./tile_layout.ts";

const tileKernel = kernel("matmul_tile", tileWgsl);
const naiveKernel = kernel("matmul_naive", naiveWgsl);
const subgroups = devicePart(
  ({ software, subgroupSize }) => software && subgroupSize > 0,
  () => import("./subgroups.ts"),
);
const units = devicePart(
  ({ matrices }) => matrices.length > 0,
  () => import("./matrix_units.ts"),
);
const splitsKernel = kernel("matmul_splits", splitsWgsl);

/** Return the kernel of a family; undefined where it is not loaded. */
function kernelOf(family: GemmFamily): Kernel | undefined {
  if (family === "subgroup") return subgroups()?.subgroupKernel;
  if (family === "rows") return subgroups()?.rowsKernel;
  if (family === "naive") return naiveKernel;
  return family === "tile" ? tileKernel : undefined;
}

interface Gemm {
  readonly a: Matrix;
  readonly b: Matrix;
  /** Dense [...batch, m, n]; every element is written. */
  readonly y: Matrix["tensor"];
  readonly m: number;
  readonly n: number;
  readonly k: number;
  /** Sizes of the batch axes, at most three after merging. Default none. */
  readonly batch?: readonly number[];
  /** [n], added to each row. */
  readonly bias?: Bindable | null;
  /** Replaces the rule in plan.ts: for tests and measurements. */
  readonly family?: GemmFamily;
  readonly plan?: GemmPlan;
}

/** Three axes and a zero: a vec4 of the shader. */
type Four = [number, number, number, number];
interface BatchAxes {
  size: Four;
  a: Four;
  b: Four;
}

/** Merge the batch axes, padded to three. */
function mergeBatch(sizes: readonly number[], a: readonly number[], b: readonly number[]): BatchAxes {
  const axes = mergeAxes(sizes, a, b, 3);
  if (!axes) throw new OpError("gemm", `expected at most three batch axes, got [${sizes.join(",")}]`);
  const pick = (key: "size" | "a" | "b"): Four => [axes[0]?.[key] ?? 0, axes[1]?.[key] ?? 0, axes[2]?.[key] ?? 0, 0];
  return { size: pick("size"), a: pick("a"), b: pick("b") };
}

type Operands = Pick<Gemm, "m" | "n" | "k" | "y"> & {
  readonly a: Matrix;
  readonly b: Matrix;
  readonly bias: Bindable | null;
  readonly axes: BatchAxes;
};

const productsOf = ({ size }: BatchAxes) => size[0] * size[1] * size[2];

const typeOf = ({ tensor }: Matrix): DType => tensor.dtype ?? "f32";

function runPlan({ a, b, y, m, n, k, bias, axes }: Operands, plan: GemmPlan): void {
  const { family, swap, splits, rows, columns, spec } = plan;
  const products = productsOf(axes);
  const [left, right] = swap ? [transposed(b), transposed(a)] : [a, b];
  const [leftBatch, rightBatch] = swap ? [axes.b, axes.a] : [axes.a, axes.b];
  const [leftSize, rightSize] = swap ? [n, m] : [m, n];
  const tilesM = Math.ceil(leftSize / rows);
  const tilesN = Math.ceil(rightSize / columns);
  const total = products * m * n;
  const partial = splits > 1 ? empty([splits, total]) : null;
  const groups = tilesM * tilesN * products * splits;
  const fused = bias !== null && splits === 1;
  const types = { a: typeOf(left), b: typeOf(right), y: partial ? "f32" : (y.dtype ?? "f32") } satisfies ProductTypes;
  const chosen = kernelOf(family);
  if (!chosen) throw new OpError("gemm", `family ${family}: expected a software adapter with subgroups of one size`);
  chosen.run({
    bind: { a: left.tensor, b: right.tensor, bias: fused ? bias : left.tensor, y: partial ?? y },
    params: {
      batch: axes.size,
      a_batch: leftBatch,
      b_batch: rightBatch,
      m: leftSize,
      n: rightSize,
      k,
      a_row: left.row,
      a_col: left.col,
      b_row: right.row,
      b_col: right.col,
      y_row: swap ? 1 : n,
      y_col: swap ? n : 1,
      y_batch: m * n,
      y_split: total,
      bias_row: swap ? 1 : 0,
      bias_col: swap ? 0 : 1,
      has_bias: fused ? 1 : 0,
      tiles_m: tilesM,
      tiles_n: tilesN,
      groups,
      split_k: termsPerSplit(k, splits),
    },
    spec: {
      ...spec,
      ...(family === "tile" ? tileLayout(left, right, { m: leftSize, n: rightSize }, types) : typeSpec(types)),
    },
    grid: family === "naive" ? grid1d(groups) : groups1d(groups),
  });
  if (!partial) return;
  addSplits({ y, bias, m, n }, partial, products);
  partial.dispose();
}

/** Write the sum of the partial products into y, in their order, plus the bias. */
function addSplits(
  { y, bias, m, n }: Pick<Operands, "y" | "bias" | "m" | "n">,
  partial: Tensor,
  products: number,
): void {
  const { dtype = "f32" } = y;
  const wide = n % 4 === 0;
  const count = (products * m * n) / (wide ? 4 : 1);
  splitsKernel.run({
    bind: { partial, bias: bias ?? partial, y },
    params: { n: count, splits: partial.shape[0]!, columns: wide ? n / 4 : n, has_bias: bias ? 1 : 0 },
    spec: wide ? { Item: "vec4<f32>", Act: `vec4<${dtype}>` } : actSpec({ dtype }),
    grid: grid1d(count),
  });
}

/** Return the key of a product: classes of its sizes, and of each matrix its type and the axis along which it is contiguous. */
function keyOf({ a, b, y, m, n, k, axes }: Operands): string {
  const along = ({ row, col }: Matrix) => (col === 1 ? "rows" : row === 1 ? "columns" : "neither");
  const sizes = [m, n, k].map(tuneClass).join("x");
  const layout = `a ${typeOf(a)} by ${along(a)} b ${typeOf(b)} by ${along(b)}`;
  return `gemm ${sizes} batch ${tuneClass(productsOf(axes))} ${layout} y ${y.dtype ?? "f32"}`;
}

/** Return the bytes of the operands and the result; a matrix for several products counts once. */
function bytesMoved({ a, b, y, m, n, k, axes }: Operands): number {
  const matrices = (strides: Four) =>
    axes.size.reduce((count, size, i) => (strides[i] === 0 ? count : count * size), 1);
  const operands = m * k * matrices(axes.a) * bytesOf[typeOf(a)] + k * n * matrices(axes.b) * bytesOf[typeOf(b)];
  return operands + m * n * productsOf(axes) * bytesOf[y.dtype ?? "f32"];
}

/** Make the product's operands for a trial: zeros of the real size, or less for views of larger tensors. */
function trial<C extends Candidate>(
  { a, b, y: result, m, n, k, axes }: Operands,
  run: (operands: Operands, candidate: C) => void,
): Trial<C> {
  const span = ({ row, col }: Matrix, rows: number, columns: number, strides: Four) =>
    1 + (rows - 1) * row + (columns - 1) * col + strides.reduce((sum, s, i) => sum + s * ((axes.size[i] || 1) - 1), 0);
  const left = trialTensor(span(a, m, k, axes.a), typeOf(a));
  const right = trialTensor(span(b, k, n, axes.b), typeOf(b));
  const y = trialTensor(productsOf(axes) * m * n, result.dtype);
  const operands = { a: { ...a, tensor: left }, b: { ...b, tensor: right }, y, m, n, k, bias: null, axes };
  return {
    run: (candidate) => run(operands, candidate),
    dispose: () => disposeAll({ left, right, y }),
  };
}

/** Return the lanes of a subgroup that kernels may use; 0 where those kernels are not loaded. */
const lanesOf = ({ software, subgroupSize, vendor }: AdapterReport) => ({
  software,
  vendor,
  subgroupSize: subgroups() ? subgroupSize : 0,
});

/** Run the product on matrix units, with `tuned` by the tile that the tuner chooses. Returns false if no tile runs. */
function runOnUnits(operands: Operands, tuned: boolean): boolean {
  const part = units();
  const [rule, ...others] = part?.tilesToTry(operands) ?? [];
  if (!part || !rule) return false;
  const { tuner } = currentGpu();
  if (!(tuned && tuner.active)) {
    part.runMatrix(operands, rule);
    return true;
  }
  const { m, n, k, axes } = operands;
  const tile = tuner.pick<MatrixTile>({
    key: `${keyOf(operands)} by matrix units`,
    work: m * n * k * productsOf(axes),
    bytes: bytesMoved(operands),
    rule: () => rule,
    others: () => others,
    trial: () => trial<MatrixTile>(operands, part.runMatrix),
  });
  part.runMatrix(operands, tile);
  return true;
}

/** Return true if the matrix units of a GPU run the product: one operand is f16. Software adapters only imitate them. */
function suitsMatrix({ a, b }: Operands): boolean {
  const { software, matrices } = currentGpu().adapter;
  return !software && matrices.length > 0 && [a, b].some(({ tensor }) => tensor.dtype === "f16");
}

/**
 * Enqueue y[z, i, j] = sum over p of a[z, i, p] · b[z, p, j] (+ bias[j]) for every batch entry z.
 *
 * Sums run in a fixed order: equal inputs give equal bits, by the same kernel. On software adapters they run in blocks of
 * 256 terms, on hardware in parts of 4096 where the workspace allows. Callers check shapes.
 * Errors    OpError if more than three batch axes remain after merging.
 */
export function gemm({ a, b, y, m, n, k, batch = [], bias = null, family, plan: forced }: Gemm): void {
  const axes = mergeBatch(batch, a.batch ?? [], b.batch ?? []);
  const operands: Operands = { a, b, y, m, n, k, bias, axes };
  const gpu = currentGpu();
  if (family === "matrix" || (family === undefined && !forced && suitsMatrix(operands))) {
    if (runOnUnits(operands, family === undefined)) return;
    if (family) throw new OpError("gemm", "family matrix: expected an adapter with matrix units of f16");
  }
  const adapter = lanesOf(gpu.adapter);
  const { tuner } = gpu;
  const size = { m, n, k, batch: productsOf(axes) };
  if (forced || family !== undefined || !tuner.active) {
    runPlan(operands, forced ?? planGemm(adapter, size, family));
    return;
  }
  const rule = planGemm(adapter, size);
  const plan = tuner.pick({
    key: keyOf(operands),
    work: m * n * k * size.batch,
    bytes: bytesMoved(operands),
    rule: () => rule,
    others: () => otherPlans(adapter, size, rule),
    trial: () => trial(operands, runPlan),
  });
  runPlan(operands, plan);
}
