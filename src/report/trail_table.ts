// The table of a trail: one row per epoch.
import { scoreOfPoint, type TrailEntry } from "../internal.ts";
import { metricText, percent, times } from "../text/index.ts";
import { bold, drawTable, styleOf, type TableOptions } from "./table.ts";

const columns = (metric: string, hasRaw: boolean) => [
  { head: "epoch" },
  { head: "sparsity" },
  { head: metric },
  ...(hasRaw ? [{ head: "raw" }] : []),
  { head: "compression" },
  { head: "front", left: true },
  { head: "", left: true },
];

/**
 * Render epochs with sparsity, score and compression, and mark the front and the chosen epoch. Compression = weights /
 * weights left, of the layers that are pruned. Raw: the accuracy with the running statistics of training, if batch norm's were
 * re-estimated.
 */
export function renderTrailTable(
  entries: readonly TrailEntry[],
  front: ReadonlySet<number>,
  chosen: number | null,
  options: TableOptions = {},
): string {
  const style = styleOf(options);
  const metric = entries[0] ? scoreOfPoint(entries[0]).metric : "accuracy";
  const hasRaw = entries.some(({ rawAccuracy }) => rawAccuracy !== undefined);
  const rows = entries.map((entry) => {
    const { epoch, sparsity, rawAccuracy, file } = entry;
    const mark = epoch === chosen ? "chosen" : file === null ? "not kept" : "";
    const raw = hasRaw ? [rawAccuracy === undefined ? "-" : percent(rawAccuracy)] : [];
    const score = metricText(metric, scoreOfPoint(entry).value);
    const measured = [percent(sparsity), score, ...raw, compressionText(sparsity)];
    const row = [String(epoch), ...measured, front.has(epoch) ? "yes" : "", mark];
    return epoch === chosen ? row.map((cell) => bold(cell, style)) : row;
  });
  return drawTable(columns(metric, hasRaw), rows, style);
}

/** Write how much smaller a model of this sparsity is: "12.3x". */
export const compressionText = (sparsity: number): string => times(sparsity < 1 ? 1 / (1 - sparsity) : null);
