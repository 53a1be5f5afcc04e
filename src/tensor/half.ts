// Converts between f32 values and the bits of f16 (IEEE 754 binary16) on the host.
const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/** Return the f16 bits of an f32 value: to nearest, ties to even; from 65520 on to infinity. */
function halfOf(value: number): number {
  float[0] = value;
  const sign = (bits[0]! >>> 16) & 0x8000;
  const size = bits[0]! & 0x7fffffff;
  if (size > 0x7f800000) return sign | 0x7e00;
  if (size >= 0x477ff000) return sign | 0x7c00;
  if (size < 0x38800000) {
    // Subnormal: the sum with 0.5, whose last place is f16's smallest step, rounds as f16 does.
    float[0] = Math.abs(value) + 0.5;
    return sign | (bits[0]! - 0x3f000000);
  }
  return sign | ((size - 0x38000000 + 0xfff + ((size >>> 13) & 1)) >>> 13);
}

/** Return the f32 value of f16 bits, exactly. */
function floatOf(half: number): number {
  const size = half & 0x7fff;
  // The exponent of f16, 112 less than that of f32, is corrected by a factor, which makes subnormals normal.
  bits[0] = size >= 0x7c00 ? 0x7f800000 | (size << 13) : size << 13;
  const value = size >= 0x7c00 ? float[0]! : float[0]! * 2 ** 112;
  return half & 0x8000 ? -value : value;
}

/** Return f16 bits of values, padded with zeros to whole 32-bit words. */
export function halfBits(values: ArrayLike<number>): Uint16Array<ArrayBuffer> {
  const out = new Uint16Array(Math.ceil(values.length / 2) * 2);
  for (let i = 0; i < values.length; i++) out[i] = halfOf(values[i]!);
  return out;
}

/** Return the values of the first `count` halves. */
export function halfValues(halves: Uint16Array, count = halves.length): Float32Array<ArrayBuffer> {
  const out = new Float32Array(count);
  for (let i = 0; i < count; i++) out[i] = floatOf(halves[i]!);
  return out;
}
