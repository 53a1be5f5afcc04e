// The table of a trail: one line for each epoch.
import Table from "cli-table3";
import type { TrailEntry } from "../index.ts";
import { terminalStyle } from "../terminal/terminal.ts";
import { ASCII_BOX, type TableOptions } from "./table.ts";
import { percent } from "./trail_choice.ts";

/**
 * Epochs with sparsity, accuracy and compression, those on the front and the chosen one marked. Compression = weights /
 * weights left, of the layers that are pruned. ASCII and no colour unless the screen is a terminal.
 */
export function renderTrailTable(
  entries: readonly TrailEntry[],
  front: ReadonlySet<number>,
  chosen: number | null,
  options: TableOptions = {},
): string {
  const style = terminalStyle(options.screen ?? process.stdout, options.env);
  const table = new Table({
    head: ["epoch", "sparsity", "accuracy", "compression", "front", ""],
    colAligns: ["right", "right", "right", "right", "left", "left"],
    style: { head: style.color ? ["bold"] : [], border: style.color ? ["grey"] : [], compact: true },
    ...(style.interactive ? {} : { chars: ASCII_BOX }),
  });
  for (const { epoch, sparsity, accuracy, file } of entries) {
    const mark = epoch === chosen ? "chosen" : file === null ? "not kept" : "";
    const row = [
      String(epoch),
      percent(sparsity),
      percent(accuracy),
      compressionText(sparsity),
      front.has(epoch) ? "yes" : "",
      mark,
    ];
    const bold = style.color && epoch === chosen;
    table.push(row.map((content) => (bold ? `\u001b[1m${content}\u001b[22m` : content)));
  }
  return table.toString();
}

/** How many times fewer weights are left: 12.3x. */
export function compressionText(sparsity: number): string {
  return sparsity >= 1 ? "all zero" : `${(1 / (1 - sparsity)).toFixed(1)}x`;
}
