// Weights as 8-bit integers, symmetric and with one scale per output channel. Zero stays zero, so pruned weights stay pruned.

/** A weight as integers: entry i of channel c has the value codes[i] · scales[c]. */
export interface Int8Weight {
  /** From -127 to 127, in the order of the weight. */
  readonly codes: Int8Array;
  /** One for each index of axis 0, > 0. */
  readonly scales: Float32Array;
}

/** Largest code. -128 is not used, so that the range is symmetric. */
export const MAX_CODE = 127;
/** Smallest scale: a normal float32 by a margin, so that products with it stay normal. */
const LEAST = 1e-30;

/** Round to the nearest integer, ties to the even one, as ONNX's QuantizeLinear does. */
export function roundEven(v: number): number {
  const low = Math.floor(v);
  const rest = v - low;
  if (rest !== 0.5) return rest < 0.5 ? low : low + 1;
  return low % 2 === 0 ? low : low + 1;
}

/**
 * Quantise a weight: scale = max |w| / 127 per channel, code = round(w / scale).
 *
 * Channels  `count` of equal size, one after the other. A channel of zeros takes the largest scale of the others, or 1.
 * Source    Jacob et al. 2018, "Quantization and training of neural networks for efficient integer-arithmetic-only inference".
 */
export function int8Weight(data: Float32Array, count: number): Int8Weight {
  const size = count === 0 ? 0 : data.length / count;
  const scales = new Float32Array(count);
  for (let c = 0; c < count; c++) {
    let most = 0;
    for (let i = c * size; i < (c + 1) * size; i++) most = Math.max(most, Math.abs(data[i]!));
    scales[c] = most === 0 ? 0 : Math.max(most / MAX_CODE, LEAST);
  }
  const other = scales.reduce((a, b) => Math.max(a, b), 0) || 1;
  const codes = new Int8Array(data.length);
  for (let c = 0; c < count; c++) {
    if (scales[c] === 0) scales[c] = other;
    const scale = scales[c]!;
    for (let i = c * size; i < (c + 1) * size; i++)
      codes[i] = Math.max(-MAX_CODE, Math.min(MAX_CODE, roundEven(data[i]! / scale)));
  }
  return { codes, scales };
}

/** Return the weight that codes and scales stand for, as float32. */
export function fromInt8({ codes, scales }: Int8Weight): Float32Array<ArrayBuffer> {
  const size = codes.length / scales.length;
  return Float32Array.from(codes, (code, i) => code * scales[Math.floor(i / size)]!);
}
