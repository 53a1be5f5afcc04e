// Calibration: the ranges of a network's values over some batches, and the integer scale of each.
import { noGrad } from "../../autograd/index.ts";
import { OpError } from "../../gpu/index.ts";
import { Module } from "../../nn/index.ts";
import { expectFinite, type Shape, type Tensor, tidy } from "../../tensor/index.ts";
import { expectKeys, type KeysOf, kindOf, valueText } from "../../text/index.ts";
import { BatchInput, type HostBatches, type RecalibrateOptions } from "../../train/index.ts";
import { int8Network } from "./network.ts";
import { watchValues } from "./watch.ts";

/** Scale of the integers of one value: real = (integer - zero) · scale, integers from -128 to 127. */
export interface Int8Scale {
  readonly scale: number;
  /** Integer of the number 0, which is exact. */
  readonly zero: number;
}

/** Scales of a network's values, by the name of the op that computes them. */
export interface Int8Calibration {
  /** Shape of one sample. */
  readonly sample: Shape;
  /** Batches that were seen. */
  readonly batches: number;
  readonly scales: Readonly<Record<string, Int8Scale>>;
}

/** Options of `calibrateInt8`: samples of the batches, as for `recalibrate`. */
export type CalibrateOptions = Pick<RecalibrateOptions, "sample" | "scale" | "target" | "count">;

const KEYS: KeysOf<CalibrateOptions> = { sample: true, scale: true, target: true, count: true };
const FAILED = "calibrateInt8";

/** Smallest and largest number of a value so far. */
interface Range {
  low: number;
  high: number;
}

/** Return the scale of a range. The range is widened to contain 0, whose integer must be exact. */
export function scaleOfRange({ low, high }: Range): Int8Scale {
  const least = Math.min(low, 0);
  const scale = Math.fround((Math.max(high, 0) - least) / 255);
  if (!(scale > 0)) return { scale: 1, zero: -128 };
  return { scale, zero: Math.max(-128, Math.min(127, Math.round(-128 - least / scale))) };
}

/** Note the range of a value; the read is enqueued at once, since the memory is used again. */
async function widen(ranges: Map<string, Range>, name: string, value: Tensor): Promise<void> {
  const data = (await value.data()) as Float32Array;
  expectFinite(FAILED, [[name, { data }]]);
  const range = ranges.get(name) ?? { low: Number.POSITIVE_INFINITY, high: Number.NEGATIVE_INFINITY };
  ranges.set(name, range);
  for (const v of data) {
    if (v < range.low) range.low = v;
    if (v > range.high) range.high = v;
  }
}

/**
 * Measure the ranges of a network's values over training batches, for `exportOnnx` with integers: from the smallest to the largest
 * number seen, in evaluation mode. No number of these batches is clipped, and the result does not depend on their order or size.
 * The values after batch norm have short tails, so that single outliers cost few of the 255 steps. Waits for the GPU.
 *
 * Errors   OpError for a spiking network, one without convolution or linear layer, an unknown option, or no batch; those of
 *          `BatchInput` for batches that do not fit; NonFiniteError for values that are NaN or infinite.
 * @example
 * const points = arrayDataset({ x: [[0, 0], [0, 1], [1, 0], [1, 1]], y: [0, 1, 1, 0] });
 * const model = new Sequential([new Linear(2, 8), new ReLU(), new Linear(8, 2)]);
 * const batches = new DataLoader({ dataset: points, batchSize: 4 });
 * const int8 = await calibrateInt8(model, batches, { sample: points.shape });
 * const bytes = exportOnnx(model, { input: [2], weights: await model.stateDict(), int8 });
 * console.log(bytes.length); // a file for any ONNX runtime
 */
export async function calibrateInt8(
  model: Module,
  batches: HostBatches,
  options: CalibrateOptions,
): Promise<Int8Calibration> {
  expectKeys(options, KEYS, (problem) => new OpError(FAILED, problem));
  if (!(model instanceof Module)) throw new OpError(FAILED, `model: expected a module, got ${kindOf(model)}`);
  const { sample, scale, target, count = Number.POSITIVE_INFINITY } = options;
  if (count !== Number.POSITIVE_INFINITY && !(Number.isInteger(count) && count >= 1))
    throw new OpError(FAILED, `count: expected an integer >= 1, got ${valueText(count)}`);
  const { plan } = int8Network(FAILED, model, [...sample]);
  const ranges = new Map<string, Range>();
  const pending: Promise<void>[] = [];
  const note = (name: string, value: Tensor): Tensor => {
    pending.push(widen(ranges, name, value));
    return value;
  };
  const input = new BatchInput({ name: FAILED, sample, scale, target: target?.shape });
  let seen = 0;
  try {
    await watchValues(model, plan, note, async () => {
      for await (const batch of batches) {
        tidy(() => noGrad(() => model.forward(input.tensors(batch).x)));
        await Promise.all(pending.splice(0));
        batches.recycle?.(batch);
        if (++seen >= count) break;
      }
    });
  } finally {
    input.dispose();
  }
  if (seen === 0) throw new OpError(FAILED, "expected at least one batch, got none");
  const missing = [...plan.measured.keys()].find((name) => !ranges.has(name));
  if (missing !== undefined) throw new OpError(FAILED, `${missing}: expected a value of every run, got none`);
  const scales = [...ranges].map(([name, range]) => [name, scaleOfRange(range)] as const);
  return { sample, batches: seen, scales: Object.fromEntries(scales) };
}
