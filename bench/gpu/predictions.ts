// Figures that were predicted for an H200 before any GPU had run these kernels. A run on one confirms or refutes them.

interface Prediction {
  readonly what: string;
  readonly from: number;
  readonly to: number;
  /** Unit of both: a share of the measured multiply-add peak, or milliseconds. */
  readonly unit: "of the f32 peak" | "ms" | "us";
}

export const H200: Readonly<Record<string, Prediction>> = {
  "conv f32": {
    what: "convolutions f32, 3x3 and 1x1 of 64 channels or more",
    from: 0.55,
    to: 0.65,
    unit: "of the f32 peak",
  },
  "resnet-50 f32": { what: "ResNet-50, batch 64, f32", from: 50, to: 60, unit: "ms" },
  "resnet-50 f16": { what: "ResNet-50, batch 64, f16", from: 22, to: 30, unit: "ms" },
  dispatch: { what: "host time of a dispatch", from: 5, to: 9, unit: "us" },
};

/** Return true for the adapter that the predictions are about. */
export const isPredicted = (adapter: { readonly device: string; readonly description: string }): boolean =>
  /\bH200\b/.test(`${adapter.device} ${adapter.description}`);

/** Return a prediction beside its measurement: `predicted 50 to 60 ms, too slow`. */
export function predictionText(key: string, measured: number): string {
  const prediction = H200[key];
  if (!prediction) return "";
  const { from, to, unit } = prediction;
  const isShare = unit === "of the f32 peak";
  const range = isShare ? `${Math.round(100 * from)} to ${Math.round(100 * to)} % ${unit}` : `${from} to ${to} ${unit}`;
  // A larger share is better, and a shorter time.
  const [worse, better] = isShare ? [measured < from, measured > to] : [measured > to, measured < from];
  return `predicted ${range}: ${worse ? "missed" : better ? "exceeded" : "met"}`;
}
