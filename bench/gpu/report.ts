// The result of `npm run bench:gpu`, and its lines.
import type { Gauge, Results } from "../lib/results.ts";
import { formatMs, formatPercent, threeDigits } from "../lib/rows.ts";
import type { Skipped } from "./budget.ts";
import type { KernelRow } from "./kernels.ts";
import { isPredicted, predictionText } from "./predictions.ts";
import type { Overhead, StepRow } from "./steps.ts";
import type { TorchReport } from "./torch.ts";

export interface Failure {
  readonly what: string;
  readonly error: string;
}

export interface GpuReport {
  readonly format: "espalier-gpu/1";
  /** False for a run that was stopped. */
  readonly complete: boolean;
  readonly started: string;
  readonly commit: string | null;
  readonly versions: Readonly<Record<string, string | null>>;
  readonly adapter: Results["adapter"];
  readonly limits: Readonly<Record<string, number>>;
  readonly clock: string;
  readonly budget: number;
  /** Seconds of the run so far. */
  readonly seconds: number;
  readonly doctor: object | null;
  readonly gauge: Gauge | null;
  readonly kernels: readonly KernelRow[];
  readonly steps: readonly StepRow[];
  readonly overhead: Overhead | null;
  readonly torch: TorchReport | null;
  /** Choices of the tuner, and the same kernels and steps with them. */
  readonly tuned: {
    readonly choices: Readonly<Record<string, string>>;
    readonly kernels: readonly KernelRow[];
    readonly steps: readonly StepRow[];
  };
  readonly failures: readonly Failure[];
  readonly skipped: readonly Skipped[];
}

/** Return a file name for an adapter: `NVIDIA H200` becomes `gpu_nvidia_h200.json`. */
export function fileNameOf({ device, description, vendor }: Results["adapter"]): string {
  const name = (device || description || vendor || "adapter").toLowerCase().replace(/[^a-z\d]+/g, "_");
  return `gpu_${name.replace(/^_|_$/g, "").slice(0, 60)}.json`;
}

/** Return true for the layers that the prediction is about: f32 convolutions between 64 channels or more. */
const isWideConv = ({ pass, precision, name }: KernelRow): boolean =>
  pass.startsWith("conv") &&
  precision === "f32" &&
  /^[13]x[13](\/2)? (\d{2,}|64)->/.test(name) &&
  !/ (3|16)->/.test(name);

const withPrediction = (line: string, isH200: boolean, key: string, measured: number): string =>
  isH200 ? `${line}; ${predictionText(key, measured)}` : line;

/** Return the line of a kernel. */
export function kernelLine(row: KernelRow, gauge: Gauge | null, adapter: Results["adapter"]): string {
  const share = gauge ? row.gflops / gauge.fmaGFlops : Number.NaN;
  const ofPeak = gauge ? `, ${formatPercent(share)} of the f32 peak` : "";
  const speed = `${threeDigits(row.gflops / 1000)} TFLOP/s${ofPeak}`;
  const line = `${row.pass} ${row.name} ${row.precision}: ${formatMs(row.ms)}, ${speed} (${row.kernels.join(", ")})`;
  return isWideConv(row) && gauge ? withPrediction(line, isPredicted(adapter), "conv f32", share) : line;
}

export function stepLine(row: StepRow, adapter: Results["adapter"]): string {
  const line =
    `step ${row.model} batch ${row.batch} ${row.precision}: ${formatMs(row.ms)}, ${threeDigits(row.imagesPerSecond)} images/s, ` +
    `first step ${formatMs(row.firstMs)}, ${row.dispatches} dispatches, ${threeDigits(row.mib)} MiB`;
  const isH200 = isPredicted(adapter) && row.model === "resnet-50" && row.batch === 64;
  return withPrediction(line, isH200, `resnet-50 ${row.precision}`, row.ms);
}

export function overheadLine(overhead: Overhead, adapter: Results["adapter"]): string {
  const { dispatchUs, encodeUs, roundTripUs } = overhead;
  const line = `a dispatch: ${threeDigits(dispatchUs)} us, ${threeDigits(encodeUs)} us of it on the host; a round trip: ${threeDigits(roundTripUs)} us`;
  return withPrediction(line, isPredicted(adapter), "dispatch", encodeUs);
}

/** Return lines of PyTorch beside the engine, for what both measured. */
export function torchLines({ torch, kernels, steps, tuned }: GpuReport): string[] {
  if (!torch) return [];
  const own = new Map<string, number>();
  for (const row of [...kernels, ...tuned.kernels]) own.set(`${row.pass} ${row.name} ${row.precision}`, row.ms);
  for (const row of [...steps, ...tuned.steps])
    own.set(`step ${row.model} batch ${row.batch} ${row.precision}`, row.ms);
  const head = `PyTorch ${torch.version} on ${torch.device}:`;
  const lines = torch.rows.map(({ pass, name, precision, ms }) => {
    const key = `${pass} ${name} ${precision}`;
    const ours = own.get(key.replace(/ tf32$/, " f32"));
    const ratio = ours === undefined ? "" : `, Espalier ${formatMs(ours)}: ${threeDigits(ms / ours)} of its speed`;
    return `  ${key}: ${formatMs(ms)}${ratio}`;
  });
  return [head, ...lines];
}

/** Return lines of what was left out: one for the works of a part. */
export function skippedLines(skipped: readonly Skipped[]): string[] {
  const parts = new Map<string, Skipped[]>();
  for (const one of skipped) {
    const part = one.part.split(": ")[0]!;
    parts.set(part, [...(parts.get(part) ?? []), one]);
  }
  return [...parts].map(([part, [first, ...rest]]) => {
    const more = rest.length > 0 ? ` and ${rest.length} more` : "";
    return `skipped: ${first!.part === part ? part : first!.part}${more}: ${first!.reason}`;
  });
}
