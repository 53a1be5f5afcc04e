// `npm run bench -- --check`: measures the project's own figures on this machine's adapter and reports which miss their bar.
import { currentGpu, requestGpu } from "../src/gpu/index.ts";
import { installGpu } from "../src/node_internal.ts";
import { Scope } from "../src/tensor/index.ts";
import { replayOverhead } from "./cases/host.ts";
import { cases } from "./cases/index.ts";
import { lifLargeCases } from "./cases/lif.ts";
import { LENET, liveBytes, RESNET, stepOverhead } from "./cases/steps.ts";
import { coldAndWarm } from "./cold/cases.ts";
import type { Bar, Figure, FigureRow, Measured } from "./figures.ts";
import { FIGURE_HEAD, figureRow, formatFigure } from "./figures.ts";
import type { KernelCase } from "./lib/case.ts";
import { betterGauge, measureGauge } from "./lib/gauge.ts";
import { measureKernel } from "./lib/measure.ts";
import { formatMs, formatRatio, threeDigits } from "./lib/rows.ts";
import { pickClock, titleOf } from "./lib/run.ts";
import { compareSides, peersInstalled } from "./peers/compare.ts";
import { fasterPeer, ratioText } from "./peers/report.ts";
import { selectWorkloads } from "./peers/workloads.ts";
import { slowestChoice } from "./sparse/never_slower.ts";

export interface CheckOptions {
  /** Parts of names: only figures whose name contains one of them are measured. Default all. */
  readonly filters?: readonly string[];
  /** Interleaved rounds of a kernel case. Default 7. */
  readonly rounds?: number;
  /** Called with each line of the report. Default: standard output. */
  readonly say?: (line: string) => void;
  /** Called with each row as soon as it is measured. */
  readonly onRow?: (row: FigureRow) => void;
}

const least = (value: number, unit = "x"): Bar => ({ value, kind: "least", unit });
const most = (value: number, unit = ""): Bar => ({ value, kind: "most", unit });

function caseNamed(title: string): KernelCase {
  const found = cases.find((c) => titleOf(c) === title);
  if (found?.kind !== "kernel") throw new Error(`check: there is no kernel case named ${JSON.stringify(title)}`);
  return found;
}

/** Compute the speedup of the last variant over the first, in the worst of the cases. */
async function worstRatio(titles: readonly string[], rounds: number): Promise<Measured> {
  const clock = await pickClock();
  let worst = Number.POSITIVE_INFINITY;
  const details: string[] = [];
  for (const title of titles) {
    const bench = caseNamed(title);
    // Only the last variant counts: it is the one that users get.
    const last = await lastVariant(bench);
    const { variants } = await measureKernel(bench, { rounds, clock, variants: [last] });
    const { ratio, ms } = variants.at(-1)!;
    worst = Math.min(worst, ratio);
    details.push(`${bench.name}: ${formatRatio(ratio)}, ${formatMs(ms)}`);
  }
  return { value: worst, detail: details.join("; ") };
}

async function lastVariant(bench: KernelCase): Promise<string> {
  using _scope = new Scope();
  const { variants } = await bench.prepare();
  return variants.at(-1)!.name;
}

const CONV_SHAPES = ["3x3 16->32 [8,16,32,32]", "3x3 64->64 [8,64,16,16]"];
const conv = (pass: string) => CONV_SHAPES.map((shape) => `conv2d ${pass} ${shape}`);

const LIF_WIDE = "[4,8,64,28,28]";
const LIF_SHAPES = [LIF_WIDE, "[16,4,32,16,16]"];
const lif = (pass: string) => LIF_SHAPES.map((shape) => `lif ${pass} ${shape}`);

/** Compute the bandwidth of the fused LIF kernel (necessary bytes / best time) in percent of the best copy of the same run. */
async function copyShare(rounds: number): Promise<Measured> {
  const { software } = currentGpu().adapter;
  const clock = await pickClock();
  // The usual shapes would fit in a GPU's caches.
  const bench = software ? caseNamed(`lif forward ${LIF_WIDE}`) : lifLargeCases[0];
  if (!bench) throw new Error("check: there is no large LIF case");
  const before = await measureGauge({ clock });
  const { variants, bytes } = await measureKernel(bench, { rounds, clock, variants: [await lastVariant(bench)] });
  const { copyGBs } = betterGauge(before, await measureGauge({ clock }));
  const ms = Math.min(...variants.at(-1)!.rounds);
  const gbs = bytes / ms / 1e6;
  const detail = `${bench.name}: ${threeDigits(gbs)} of ${threeDigits(copyGBs)} GB/s`;
  return { value: (100 * gbs) / copyGBs, detail };
}

async function againstPeers(workload: string, rounds: number): Promise<Measured> {
  if (!peersInstalled()) return { value: null, detail: "npm ci --prefix bench/peers" };
  const [work] = selectWorkloads([workload]);
  if (!work) throw new Error(`check: there is no workload ${workload}`);
  const result = await compareSides(work, { rounds, sides: ["espalier", "tfjs", "jax-js"], coldShaders: false });
  const failed = result.sides.find((s) => s.error !== null);
  if (failed) return { value: null, detail: `${failed.side}: ${failed.error}` };
  const faster = fasterPeer(result);
  if (!faster) return { value: null, detail: "no side to compare with" };
  const times = result.sides.map((s) => `${s.side} ${formatMs(s.ms)}`).join(", ");
  return { value: faster.ratio, detail: `${times}; ${faster.side} by ${ratioText(faster)}` };
}

/** Cache a measurement that several figures use. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | null = null;
  return () => {
    made ??= make();
    return made;
  };
}

function makeFigures(rounds: number): Figure[] {
  const overhead = once(replayOverhead);
  const cold = once(() => coldAndWarm(RESNET));
  const live = once(liveBytes);
  const step = once(() => stepOverhead(RESNET));
  const ratio = (name: string, bar: number, titles: readonly string[]): Figure => ({
    name,
    bar: least(bar),
    measure: () => worstRatio(titles, rounds),
  });
  return [
    ratio("conv 3x3 forward, against naive", 12, conv("forward")),
    ratio("conv 3x3 data gradient, against naive", 12, conv("grad input")),
    ratio("conv 3x3 weight gradient, against naive", 10, conv("grad weight")),
    ratio("matmul 512, against naive", 6, ["matmul 512x512x512"]),
    ratio("batch norm apply + ReLU, against scalar kernels", 3, ["batch_norm apply and relu [128,16,32,32]"]),
    ratio("LIF forward, against kernels per step", 6, lif("forward")),
    ratio("LIF forward + backward, against kernels per step", 5, lif("forward and backward")),
    ratio("batch norm + LIF, against separate ops", 1.1, lif("batch norm and neurons, forward")),
    { name: "LIF forward, share of the copy bandwidth", bar: least(60, "%"), measure: () => copyShare(rounds) },
    ratio("fused update, against unfused", 3, ["update ResNet-20, 65 tensors"]),
    {
      name: "sparse rule's choice, slowest against dense",
      bar: least(0.97),
      measure: () => slowestChoice(rounds),
    },
    {
      name: "LeNet-BN step, against the faster peer",
      bar: least(5),
      measure: () => againstPeers("step lenet-bn batch 64", 7),
    },
    {
      name: "ResNet-20 step, against the faster peer",
      bar: least(8),
      measure: () => againstPeers("step resnet-20 batch 16", 3),
    },
    {
      name: "host overhead of a replayed step",
      bar: most(35, "us/dispatch"),
      measure: async () => {
        const [small, resnet] = [(await overhead()).hostUs, (await step()).hostUs];
        const detail = `200 small dispatches ${threeDigits(small)}, ${RESNET.model} ${threeDigits(resnet)}`;
        return { value: Math.max(small, resnet), detail };
      },
    },
    {
      name: "WebGPU objects made by a replay",
      bar: most(0),
      measure: async () => {
        const value = (await overhead()).made + (await step()).made;
        return { value, detail: "without the encoder of each submit" };
      },
    },
    {
      name: "first step of ResNet-20, empty shader cache",
      bar: most(20, "s"),
      measure: async () => ({ value: (await cold()).cold.firstMs / 1000 }),
    },
    {
      name: "first step of ResNet-20, warm shader cache",
      bar: most(3, "s"),
      measure: async () => ({ value: (await cold()).warm.firstMs / 1000 }),
    },
    {
      name: "dispatches of a ResNet-20 step",
      bar: most(250),
      measure: async () => ({ value: (await step()).dispatches }),
    },
    {
      name: "bytes that steps 3 to 200 add",
      bar: most(0, "B"),
      measure: async () => {
        const { early, late } = await live();
        return { value: late - early, detail: `${LENET.model}: ${early} after 2, ${late} after 200` };
      },
    },
  ];
}

/**
 * Measure every figure and print `figure measured bar ok|short` for each. Returns true if all bars are reached. A figure whose
 * measurement fails is short; the others are still measured. Takes minutes.
 */
export async function check(options: CheckOptions = {}): Promise<boolean> {
  const { filters = [], rounds = 7, onRow } = options;
  const say = options.say ?? ((line: string) => process.stdout.write(`${line}\n`));
  const figures = makeFigures(rounds).filter(
    ({ name }) => filters.length === 0 || filters.some((f) => name.toLowerCase().includes(f.toLowerCase())),
  );
  if (figures.length === 0) throw new RangeError(`check: no figure contains ${filters.join(" or ")}`);
  await installGpu();
  await requestGpu();
  say(FIGURE_HEAD);
  let all = true;
  for (const { name, bar, measure } of figures) {
    using _scope = new Scope();
    let measured: Measured;
    try {
      measured = await measure();
      await currentGpu().wait();
    } catch (error) {
      measured = { value: null, detail: error instanceof Error ? error.message : String(error) };
    }
    const row = figureRow(name, bar, measured);
    all &&= row.ok;
    say(formatFigure(row));
    onRow?.(row);
  }
  return all;
}
