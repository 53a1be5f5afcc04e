// The table of the bench page, one body of rows per case.
import type { CaseResult, Gauge } from "../bench/lib/results.ts";
import { COLUMNS, hostLine, kernelRow } from "../bench/lib/rows.ts";

function row(cells: readonly string[], name: "td" | "th"): HTMLTableRowElement {
  const tr = document.createElement("tr");
  for (const text of cells) {
    const cell = document.createElement(name);
    cell.textContent = text;
    tr.append(cell);
  }
  return tr;
}

/** Make a row with one cell across all columns. */
function wideRow(text: string, name: "td" | "th"): HTMLTableRowElement {
  const tr = row([text], name);
  (tr.firstElementChild as HTMLTableCellElement).colSpan = COLUMNS.length;
  return tr;
}

export class ResultsTable {
  private readonly table: HTMLTableElement;

  constructor(table: HTMLTableElement) {
    this.table = table;
    table.tHead?.replaceChildren(row(COLUMNS, "th"));
  }

  clear(): void {
    for (const body of [...this.table.tBodies]) body.remove();
    this.table.hidden = true;
  }

  add(result: CaseResult, gauge: Gauge): void {
    const body = document.createElement("tbody");
    body.append(wideRow(`${result.group}  ${result.name}`, "th"));
    if (result.kind === "kernel") {
      const least = Math.min(...result.variants.map((v) => v.ms));
      for (const variant of result.variants) {
        const tr = row(kernelRow(result, variant, gauge), "td");
        tr.classList.toggle("best", variant.ms === least && result.variants.length > 1);
        body.append(tr);
      }
    } else {
      const tr = wideRow(result.kind === "host" ? hostLine(result) : `failed: ${result.error}`, "td");
      tr.classList.toggle("failed", result.kind === "failure");
      body.append(tr);
    }
    this.table.append(body);
    this.table.hidden = false;
  }
}
