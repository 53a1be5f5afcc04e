// Convolution: GFLOP/s of each pass and algorithm, and the ratio to the naive twin, checked against it first.
// Run: node --import tsx --import ./tools/wgsl_node.mjs bench/conv2d.ts [part of a shape's name] [algorithms, by commas]
import { currentGpu, requestGpu } from "../src/gpu/index.ts";
import { installGpu } from "../src/node/dawn.ts";
import { convForward, convGradInput, convGradWeight } from "../src/ops/conv/passes.ts";
import { type ConvAlgorithm, convShape, outputShape } from "../src/ops/conv/shape.ts";
import { empty, meta, readAll, Scope, tensor } from "../src/tensor/index.ts";
import { deviation, maxAbs } from "../test/support/close.ts";
import { randomArray } from "../test/support/random.ts";

interface Shape {
  readonly name: string;
  readonly x: readonly [number, number, number, number];
  readonly outputs: number;
  readonly kernel: number;
  readonly stride?: number;
  readonly padding?: number;
  readonly groups?: number;
}

const shapes: readonly Shape[] = [
  { name: "lenet conv1 5x5 /2 1->8 28x28", x: [256, 1, 28, 28], outputs: 8, kernel: 5, stride: 2, padding: 2 },
  { name: "lenet conv2 5x5 /2 8->16 14x14", x: [256, 8, 14, 14], outputs: 16, kernel: 5, stride: 2, padding: 2 },
  { name: "resnet 3x3 16->32 32x32", x: [8, 16, 32, 32], outputs: 32, kernel: 3, padding: 1 },
  { name: "resnet 3x3 64->64 16x16", x: [8, 64, 16, 16], outputs: 64, kernel: 3, padding: 1 },
  { name: "resnet 3x3 /2 32->64 32x32", x: [8, 32, 32, 32], outputs: 64, kernel: 3, stride: 2, padding: 1 },
  { name: "point 1x1 64->128 16x16", x: [8, 64, 16, 16], outputs: 128, kernel: 1 },
  { name: "depthwise 3x3 64 32x32", x: [8, 64, 32, 32], outputs: 64, kernel: 3, padding: 1, groups: 64 },
];

const ROUNDS = 5;
const [filter = "", list = "naive,tile,broadcast"] = process.argv.slice(2);
await installGpu();
const gpu = await requestGpu();
console.log(`adapter: ${gpu.adapter.description}, subgroup size ${gpu.adapter.subgroupSize}`);
const algorithms = (list.split(",") as ConvAlgorithm[]).filter(
  (a) => a !== "broadcast" || gpu.adapter.subgroupSize >= 4,
);

async function time(run: () => void, repeat: number): Promise<number> {
  const start = performance.now();
  for (let i = 0; i < repeat; i++) run();
  await currentGpu().wait();
  return (performance.now() - start) / repeat;
}

const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1] as number;

for (const shape of shapes.filter((s) => s.name.includes(filter))) {
  using _scope = new Scope();
  const { outputs, kernel, stride = 1, padding = 0, groups = 1 } = shape;
  const wShape = [outputs, shape.x[1] / groups, kernel, kernel];
  const s = convShape(meta(shape.x), meta(wShape), null, { stride, padding, groups });
  const x = tensor(
    randomArray(
      shape.x.reduce((a, b) => a * b),
      1,
    ),
    shape.x,
  );
  const w = tensor(
    randomArray(
      wShape.reduce((a, b) => a * b),
      2,
      0.1,
    ),
    wShape,
  );
  const yShape = outputShape(s);
  const dy = tensor(
    randomArray(
      yShape.reduce((a, b) => a * b),
      3,
    ),
    yShape,
  );
  const flop = 2 * dy.numel * (shape.x[1] / groups) * kernel * kernel;
  console.log(`\n${shape.name}, batch ${shape.x[0]}, ${(flop / 1e6).toFixed(1)} MFLOP a pass`);
  const passes = {
    forward: { like: dy, run: (a: ConvAlgorithm, y: typeof x) => convForward(s, a, { x, w, b: null, y }) },
    "grad input": { like: x, run: (a: ConvAlgorithm, dx: typeof x) => convGradInput(s, a, { dy, w, dx }) },
    "grad weight": { like: w, run: (a: ConvAlgorithm, dw: typeof x) => convGradWeight(s, a, { x, dy, dw }) },
  };
  for (const [pass, { like, run }] of Object.entries(passes)) {
    const want = empty(like.shape);
    run("naive", want);
    const cold = new Map<string, number>();
    const times = new Map<string, number[]>();
    const repeats = new Map<string, number>();
    for (const a of algorithms) {
      const got = empty(like.shape);
      cold.set(a, await time(() => run(a, got), 1));
      const [wanted, given] = await readAll(want, got);
      const off = deviation(given!, wanted!) / maxAbs(wanted!);
      if (!(off < 1e-5)) throw new Error(`${shape.name} ${pass} ${a}: off by ${off} of the largest value`);
      const once = await time(() => run(a, got), 1);
      repeats.set(a, Math.max(1, Math.min(20, Math.round(60 / once))));
      times.set(a, []);
    }
    // Interleaved, so that a busy machine disturbs all alike.
    for (let round = 0; round < ROUNDS; round++) {
      for (const a of algorithms) {
        using _inner = new Scope();
        const got = empty(like.shape);
        times.get(a)!.push(await time(() => run(a, got), repeats.get(a)!));
      }
    }
    const base = times.has("naive") ? median(times.get("naive")!) : Number.NaN;
    for (const a of algorithms) {
      const ms = median(times.get(a)!);
      const ratio = `${(base / ms).toFixed(1)}x naive`;
      const row = [pass.padEnd(12), a.padEnd(10), `${ms.toFixed(2)} ms`.padStart(11)];
      console.log(
        `${row.join(" ")}  ${(flop / ms / 1e6).toFixed(2).padStart(6)} GFLOP/s  ${ratio.padStart(11)}  first run ${cold.get(a)!.toFixed(0)} ms`,
      );
    }
  }
}
gpu.destroy();
process.exit(0);
