// Formats results as table cells, for the terminal and for the page.
import type { Gauge, HostResult, KernelResult, Results, VariantResult } from "./results.ts";

/** Speeds of a case, and their shares of the adapter's peaks and of the time that the tighter limit allows. */
interface Shares {
  /** GFLOP/s; 0 for a case without arithmetic. */
  readonly gflops: number;
  /** GB/s of the minimal traffic, each byte once. */
  readonly gbs: number;
  /** Share of the multiply-add peak. */
  readonly fma: number;
  /** Share of the copy bandwidth. */
  readonly copy: number;
}

export function sharesOf({ flops, bytes }: KernelResult, ms: number, gauge: Gauge): Shares {
  const gflops = flops / ms / 1e6;
  const gbs = bytes / ms / 1e6;
  return { gflops, gbs, fma: gflops / gauge.fmaGFlops, copy: gbs / gauge.copyGBs };
}

/** Write milliseconds with three digits and a unit: "412 us", "3.06 ms", "1.20 s". */
export function formatMs(ms: number): string {
  if (ms < 1) return `${threeDigits(ms * 1000)} us`;
  return ms < 1000 ? `${threeDigits(ms)} ms` : `${threeDigits(ms / 1000)} s`;
}

/** Write three digits, or all before the point: 0.0123, 1.23, 12.3, 123, 1234. */
export function threeDigits(value: number): string {
  if (!Number.isFinite(value)) return "-";
  if (value === 0) return "0";
  if (Math.abs(value) < 1e-3) return value.toExponential(2);
  if (Math.abs(value) >= 999.5) return value.toFixed(0);
  const rounded = Number(value.toPrecision(3));
  return rounded.toFixed(Math.max(0, 2 - Math.floor(Math.log10(Math.abs(rounded)))));
}

export function formatPercent(share: number): string {
  const percent = 100 * share;
  return `${percent < 9.95 ? percent.toFixed(1) : percent.toFixed(0)} %`;
}

export const formatRatio = (ratio: number): string => `${ratio < 99.5 ? threeDigits(ratio) : ratio.toFixed(0)}x`;

/** Headings of `kernelRow`, in order. */
export const COLUMNS = [
  "variant",
  "time",
  "+-",
  "GFLOP/s",
  "of FMA peak",
  "GB/s",
  "of copy",
  "vs first",
  "compile",
] as const;

export function kernelRow(result: KernelResult, variant: VariantResult, gauge: Gauge): string[] {
  const shares = sharesOf(result, variant.ms, gauge);
  return [
    variant.name,
    formatMs(variant.ms),
    formatPercent(variant.spread),
    result.flops > 0 ? threeDigits(shares.gflops) : "-",
    result.flops > 0 ? formatPercent(shares.fma) : "-",
    threeDigits(shares.gbs),
    formatPercent(shares.copy),
    formatRatio(variant.ratio),
    formatMs(variant.compileMs),
  ];
}

/** Write a host case: "first step 812 ms, dispatches 231". */
export function hostLine({ figures }: HostResult): string {
  return figures.map(({ name, value, unit }) => `${name} ${threeDigits(value)} ${unit}`).join(", ");
}

/** Write the line about the gauge of the run. */
export function gaugeLine(gauge: Gauge): string {
  return `copy ${threeDigits(gauge.copyGBs)} GB/s, multiply-add ${threeDigits(gauge.fmaGFlops)} GFLOP/s`;
}

/** Return the name of an adapter. Browsers leave the description empty. */
export function adapterName({
  description,
  vendor,
  architecture,
}: Pick<Results["adapter"], "description" | "vendor" | "architecture">): string {
  return description || [vendor, architecture].filter(Boolean).join(" ") || "an adapter without a name";
}
