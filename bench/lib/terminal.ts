// Writes the table of a run for the terminal: cases as headings, variants below.
import Table from "cli-table3";
import type { Comparison } from "./compare.ts";
import type { CaseResult, Gauge } from "./results.ts";
import { COLUMNS, formatMs, formatPercent, formatRatio, hostLine, kernelRow } from "./rows.ts";

/** The properties of a stream that tell if it is a terminal. */
interface Screen {
  readonly isTTY?: boolean | undefined;
}

/** Box characters of cli-table3 in plain ASCII, for logs. */
const CROSSES = "top-mid top-left top-right bottom-mid bottom-left bottom-right left-mid mid-mid right-mid".split(" ");
const PLAIN = {
  ...Object.fromEntries(CROSSES.map((name) => [name, "+"])),
  ...{ top: "-", bottom: "-", mid: "-", left: "|", right: "|", middle: "|" },
};

function makeTable(head: readonly string[], screen: Screen): Table.Table {
  const interactive = screen.isTTY === true && process.env["TERM"] !== "dumb";
  const color = interactive && !process.env["NO_COLOR"];
  return new Table({
    head: [...head],
    colAligns: head.map((_, i) => (i === 0 ? "left" : "right")),
    style: { head: color ? ["bold"] : [], border: color ? ["grey"] : [], compact: true },
    ...(interactive ? {} : { chars: PLAIN }),
  });
}

/** Escape control characters, so that names and errors cannot move the cursor. */
const printable = (text: string): string => text.replaceAll(/\p{C}/gu, "?");

/** Write every case with its variants, failures in order. */
export function renderTable(cases: readonly CaseResult[], gauge: Gauge, screen: Screen = process.stdout): string {
  const table = makeTable(COLUMNS, screen);
  const wide = (content: string) => [{ content: printable(content), colSpan: COLUMNS.length }];
  for (const result of cases) {
    const title = `${result.group}  ${result.name}`;
    if (result.kind === "failure") table.push(wide(`${title}: FAILED ${result.error.split("\n")[0]}`));
    else if (result.kind === "host") table.push(wide(`${title}: ${hostLine(result)}`));
    else {
      table.push(wide(title));
      for (const variant of result.variants) {
        const [name = "", ...cells] = kernelRow(result, variant, gauge);
        table.push([`  ${printable(name)}`, ...cells]);
      }
    }
  }
  return table.toString();
}

/** Write the comparison of two runs, the largest loss first. */
export function renderComparison(comparison: Comparison, screen: Screen = process.stdout): string {
  const table = makeTable(["case", "variant", "A", "B", "B / A speed", "+-", ""], screen);
  for (const row of comparison.rows) {
    const change = row.beyondNoise ? (row.speedup > 1 ? "faster" : "slower") : "";
    table.push([
      printable(row.title),
      printable(row.variant),
      formatMs(row.a),
      formatMs(row.b),
      formatRatio(row.speedup),
      formatPercent(row.noise),
      change,
    ]);
  }
  return table.toString();
}
