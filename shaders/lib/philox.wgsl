// Random numbers as a function of (counter, key): Philox4x32-10, the GPU twin of src/tensor/philox.ts.
// Source: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
const PHILOX_M0: u32 = 0xd2511f53u;
const PHILOX_M1: u32 = 0xcd9e8d57u;
const PHILOX_W: vec2<u32> = vec2<u32>(0x9e3779b9u, 0xbb67ae85u);

/// a · b as (low, high) words; WGSL has no 64-bit product, so by 16-bit halves.
fn philox_mul(a: u32, b: u32) -> vec2<u32> {
  let a0 = a & 0xffffu;
  let a1 = a >> 16u;
  let b0 = b & 0xffffu;
  let b1 = b >> 16u;
  // (2^16 - 1)^2 + 2^16 - 1 < 2^32: neither sum overflows.
  let low = a1 * b0 + ((a0 * b0) >> 16u);
  let mid = a0 * b1 + (low & 0xffffu);
  return vec2<u32>(a * b, a1 * b1 + (low >> 16u) + (mid >> 16u));
}

/// Four random u32. Counter: for example (element / 4, step, layer, 0). Key: (seed, stream), see `streams` in philox.ts.
fn philox4x32(counter: vec4<u32>, key: vec2<u32>) -> vec4<u32> {
  var c = counter;
  var k = key;
  for (var round = 0u; round < 10u; round++) {
    let p0 = philox_mul(PHILOX_M0, c.x);
    let p1 = philox_mul(PHILOX_M1, c.z);
    c = vec4<u32>(p1.y ^ c.y ^ k.x, p1.x, p0.y ^ c.w ^ k.y, p0.x);
    k += PHILOX_W;
  }
  return c;
}

/// A u32 as a number in [0, 1): its upper 24 bits, exact in f32.
fn uniform01(u: u32) -> f32 {
  return f32(u >> 8u) * 5.9604644775390625e-8; // 2^-24
}
