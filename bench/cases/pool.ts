// Pooling, forward and backward, against kernels that save no indices.
import { grid1d, kernel } from "../../src/gpu/index.ts";
import { adaptiveAvgPool2d } from "../../src/ops/adaptive_avg_pool2d.ts";
import { avgPool2d } from "../../src/ops/avg_pool2d.ts";
import { maxPool2d } from "../../src/ops/max_pool2d.ts";
import { planPool } from "../../src/ops/pool/plan.ts";
import { empty, metaTensor, type Shape, type Tensor } from "../../src/tensor/index.ts";
import type { KernelCase, Prepared } from "../lib/case.ts";
import poolWgsl from "../shaders/pool_naive.wgsl";
import { brackets, bytes, random } from "./data.ts";
import { naiveSum } from "./naive.ts";
import { recorded, recordedBackward } from "./recorded.ts";

const poolKernel = kernel("pool_naive", poolWgsl);

type Size = readonly [batch: number, channels: number, rows: number, columns: number];

interface Pool {
  readonly kind: "max" | "avg";
  readonly x: Size;
  readonly kernel: number;
  readonly stride: number;
  readonly padding: number;
}

const POOLS: readonly Pool[] = [
  { kind: "max", x: [16, 32, 32, 32], kernel: 2, stride: 2, padding: 0 },
  { kind: "max", x: [2, 64, 112, 112], kernel: 3, stride: 2, padding: 1 },
  { kind: "avg", x: [16, 32, 32, 32], kernel: 2, stride: 2, padding: 0 },
  { kind: "avg", x: [16, 32, 32, 32], kernel: 3, stride: 1, padding: 1 },
];
const LARGE: readonly Pool[] = [{ kind: "max", x: [128, 64, 112, 112], kernel: 3, stride: 2, padding: 1 }];

function naivePool(pool: Pool, x: Tensor, dy: Tensor, BACKWARD: boolean): readonly Tensor[] {
  const y = empty(BACKWARD ? x.shape : dy.shape);
  poolKernel.run({
    // Unused bindings are bound to tensors that the variant uses.
    bind: { x, dy: BACKWARD ? dy : x, y },
    params: { n: y.numel, ...planPool("bench", x, pool) },
    spec: { MAX: pool.kind === "max", BACKWARD },
    grid: grid1d(y.numel),
  });
  return [y];
}

function casesOf(pool: Pool): KernelCase[] {
  const { kind, x: size, kernel: window, stride, padding } = pool;
  const op = kind === "max" ? maxPool2d : avgPool2d;
  const options = { kernel: window, stride, padding };
  const out: Shape = op(metaTensor(size), options).shape;
  const title = `${kind} ${window}x${window}/${stride} ${brackets(size)}`;
  const flops = window * window * out.reduce((a, b) => a * b, 1);
  const make = () => ({ x: random(size, 1), dy: random(out, 2) });
  const forward: KernelCase = {
    kind: "kernel",
    group: "pool",
    name: `forward ${title}`,
    work: { flops, bytes: bytes(size, out) },
    prepare(): Prepared {
      const { x, dy } = make();
      return {
        variants: [recorded("naive", () => naivePool(pool, x, dy, false)), recorded("pool", () => [op(x, options)])],
      };
    },
  };
  const backward: KernelCase = {
    kind: "kernel",
    group: "pool",
    name: `backward ${title}`,
    // Max pooling also writes the index of the maximum, one number per output.
    work: { flops, bytes: bytes(size, out, ...(kind === "max" ? [out] : [])) },
    prepare(): Prepared {
      const { x, dy } = make();
      return {
        variants: [
          recorded("naive", () => naivePool(pool, x, dy, true)),
          recordedBackward("pool", [x], () => op(x, options), dy),
        ],
      };
    },
  };
  return [forward, backward];
}

function globalCase(size: Size): KernelCase {
  const [batch, channels, rows, columns] = size;
  const planes = batch * channels;
  const area = rows * columns;
  return {
    kind: "kernel",
    group: "pool",
    name: `forward global average ${brackets(size)}`,
    work: { flops: planes * area, bytes: bytes(size, [planes]) },
    prepare(): Prepared {
      // The twin sums instead of averaging, so its inputs are scaled down.
      const terms = random(size, 1);
      const x = random(size, 1, area);
      return {
        variants: [
          recorded("naive", () => [naiveSum(terms, [1, planes, area, 1])]),
          recorded("pool", () => [adaptiveAvgPool2d(x, { outputSize: 1 })]),
        ],
      };
    },
  };
}

export const poolCases: readonly KernelCase[] = [...POOLS.flatMap(casesOf), globalCase([128, 64, 8, 8])];
export const poolLargeCases: readonly KernelCase[] = [...LARGE.flatMap(casesOf), globalCase([128, 512, 7, 7])];
