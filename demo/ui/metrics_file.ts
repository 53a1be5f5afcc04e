// The metrics of a run as files to keep: JSON with the settings, CSV for a spreadsheet.
import type { Point } from "../shared/protocol.ts";
import type { Settings } from "../shared/settings.ts";

export interface LaneMetrics {
  readonly method: string;
  readonly points: readonly Point[];
}

const COLUMNS = [
  "step",
  "epoch",
  "loss",
  "trainAccuracy",
  "testAccuracy",
  "sparsity",
  "threshold",
  "lambda",
  "lr",
  "imagesPerSecond",
] as const satisfies readonly (keyof Point)[];

/** A field of a CSV file (RFC 4180): quoted where it must be. */
export function csvField(value: string | number | null): string {
  if (value === null) return "";
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** One line for each point, lanes one after the other. Unknown numbers are empty. */
export function metricsCsv(lanes: readonly LaneMetrics[]): string {
  const lines = [["lane", "method", ...COLUMNS].join(",")];
  lanes.forEach(({ method, points }, lane) => {
    for (const point of points)
      lines.push([lane, method, ...COLUMNS.map((column) => point[column])].map(csvField).join(","));
  });
  return `${lines.join("\r\n")}\r\n`;
}

/** A final threshold D that was moved while the run went on. */
export interface ThresholdMove {
  readonly step: number;
  readonly threshold: number;
}

export interface RunMetrics {
  /** As the run began. */
  readonly settings: Settings;
  readonly adapter: string;
  readonly moves: readonly ThresholdMove[];
  readonly lanes: readonly LaneMetrics[];
}

/** The settings, what was changed on the way, the adapter and all points. */
export function metricsJson({ settings, adapter, moves, lanes }: RunMetrics): string {
  return `${JSON.stringify({ format: "espalier-demo-metrics-1", settings, adapter, moves, lanes }, null, 1)}\n`;
}
