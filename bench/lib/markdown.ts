// Writes a run as Markdown: each case's fastest variant beside its first.
import type { KernelResult, Results } from "./results.ts";
import {
  adapterName,
  formatMs,
  formatPercent,
  formatRatio,
  gaugeLine,
  hostLine,
  sharesOf,
  threeDigits,
} from "./rows.ts";

const HEAD = ["case", "first", "fastest", "time", "GFLOP/s", "of FMA peak", "GB/s", "of copy", "vs first"];

function kernelCells(result: KernelResult, gauge: Results["gauge"]): string[] {
  const [first] = result.variants;
  const best = [...result.variants].sort((a, b) => a.ms - b.ms)[0];
  if (!first || !best) return [`${result.group} ${result.name}`, ...HEAD.slice(1).map(() => "-")];
  const shares = sharesOf(result, best.ms, gauge);
  return [
    `${result.group} ${result.name}`,
    `${first.name}, ${formatMs(first.ms)}`,
    best.name,
    formatMs(best.ms),
    result.flops > 0 ? threeDigits(shares.gflops) : "-",
    result.flops > 0 ? formatPercent(shares.fma) : "-",
    threeDigits(shares.gbs),
    formatPercent(shares.copy),
    formatRatio(best.ratio),
  ];
}

/** Write kernel cases as one table, host cases as another, and failures by name. */
export function renderMarkdown(results: Results): string {
  const line = (cells: readonly string[]) => `| ${cells.map((c) => c.replaceAll("|", "/")).join(" | ")} |`;
  const kernels = results.cases.filter((c) => c.kind === "kernel");
  const hosts = results.cases.filter((c) => c.kind === "host");
  const failures = results.cases.filter((c) => c.kind === "failure");
  const { started, commit, settings } = results;
  return [
    `${adapterName(results.adapter)}; ${gaugeLine(results.gauge)}, both measured in the same run.`,
    "",
    `${settings.rounds} interleaved rounds, medians. Started ${started}${commit ? `, commit ${commit}` : ""}.`,
    ...(results.complete ? [] : ["", "The run was interrupted."]),
    "",
    line(HEAD),
    line(HEAD.map((_, i) => (i < 3 ? "---" : "---:"))),
    ...kernels.map((c) => line(kernelCells(c, results.gauge))),
    ...(hosts.length > 0 ? ["", line(["whole steps and the host", "measured"]), line(["---", "---"])] : []),
    ...hosts.map((c) => line([`${c.group} ${c.name}`, hostLine(c)])),
    ...(failures.length > 0 ? ["", ...failures.map((c) => `FAILED: ${c.group} ${c.name}`)] : []),
    "",
  ].join("\n");
}
