// The runner's report: a line per file, a line per case that did not pass, and the sum.
import type { FileReport, Status } from "./runner.ts";

const count = ({ cases }: FileReport, status: Status) => cases.filter((c) => c.status === status).length;

/** Write the line of a file. */
export function fileLine(report: FileReport): string {
  const worst = Math.max(0, ...report.cases.filter((c) => c.status === "passed").map((c) => c.worst));
  const sums = `${count(report, "passed")} passed, ${count(report, "failed")} failed, ${count(report, "unsupported")} unsupported`;
  const margin = worst > 0 ? `  (closest to its limit: ${(100 * worst).toFixed(0)} %)` : "";
  return `${report.file.padEnd(26)} ${sums}${margin}`;
}

/** Write a line for each case that failed, then for each unsupported one. */
export function problemLines(reports: readonly FileReport[]): string[] {
  const lines: string[] = [];
  for (const status of ["failed", "unsupported"] as const) {
    for (const { file, cases } of reports) {
      for (const c of cases) {
        if (c.status === status) lines.push(`${status.toUpperCase()} ${file} ${c.name} (${c.op}): ${c.reason}`);
      }
    }
  }
  return lines;
}

export function totalLine(reports: readonly FileReport[]): string {
  const sum = (status: Status) => reports.reduce((n, report) => n + count(report, status), 0);
  return `${sum("passed")} passed, ${sum("failed")} failed, ${sum("unsupported")} unsupported`;
}

export function anyFailed(reports: readonly FileReport[]): boolean {
  return reports.some((report) => count(report, "failed") > 0);
}
