// Writes the metrics of a run: JSON with the settings, or CSV for a spreadsheet.
import type { Point, ThresholdMove } from "../shared/protocol.ts";
import type { Settings } from "../shared/settings.ts";

interface LaneMetrics {
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

/** Write a field of a CSV file (RFC 4180), quoted if needed. */
export function csvField(value: string | number | null): string {
  if (value === null) return "";
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Write one line per point, lanes one after the other. Unknown numbers are empty. */
export function metricsCsv(lanes: readonly LaneMetrics[]): string {
  const lines = [["lane", "method", ...COLUMNS].join(",")];
  lanes.forEach(({ method, points }, lane) => {
    for (const point of points)
      lines.push([lane, method, ...COLUMNS.map((column) => point[column])].map(csvField).join(","));
  });
  return `${lines.join("\r\n")}\r\n`;
}

export interface RunMetrics {
  /** Settings at the start of the run. */
  readonly settings: Settings;
  readonly adapter: string;
  readonly moves: readonly ThresholdMove[];
  readonly lanes: readonly LaneMetrics[];
}

/** Write the settings, changes of D, the adapter and all points as JSON. */
export function metricsJson({ settings, adapter, moves, lanes }: RunMetrics): string {
  return `${JSON.stringify({ format: "espalier-demo-metrics-1", settings, adapter, moves, lanes }, null, 1)}\n`;
}
