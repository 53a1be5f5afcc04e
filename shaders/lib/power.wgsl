// u^v and its derivatives, as in C and PyTorch: whole exponents by products (exact where the result is, also for negative
// bases), others by exp2 and log2.
//!include "lib/nonfinite.wgsl"
fn whole_power(v: f32, e: f32) -> f32 {
  // The largest f32 below 2^32; it is even, as all whole numbers from 2^24 on.
  var k = u32(min(abs(e), 4294967040.0));
  var factor = v;
  var y = 1.0;
  while (k > 0u) {
    if ((k & 1u) == 1u) {
      y *= factor;
    }
    factor *= factor;
    k >>= 1u;
  }
  return select(y, 1.0 / y, e < 0.0);
}

fn power(v: f32, e: f32) -> f32 {
  if (is_nan(e)) {
    return select(e, 1.0, v == 1.0);
  }
  if (is_nonfinite(e) || floor(e) == e) {
    return whole_power(v, e);
  }
  if (is_nan(v)) {
    return v;
  }
  if (v == 0.0 || is_nonfinite(v)) {
    let grows = is_nonfinite(v) == (e > 0.0);
    return bitcast<f32>(select(0u, 0x7f800000u, grows));
  }
  let y = pow(abs(v), e);
  return bitcast<f32>(select(bitcast<u32>(y), 0x7fc00000u, v < 0.0));
}

fn power4(u: vec4<f32>, v: vec4<f32>) -> vec4<f32> {
  return vec4(power(u.x, v.x), power(u.y, v.y), power(u.z, v.z), power(u.w, v.w));
}

// To the base: v · u^(v - 1), and 0 for the exponent 0.
fn base_slope(u: vec4<f32>, v: vec4<f32>) -> vec4<f32> {
  return select(v * power4(u, v - 1.0), vec4(0.0), v == vec4(0.0));
}

// log(v); NaN below 0.
fn checked_log(v: f32) -> f32 {
  return bitcast<f32>(select(bitcast<u32>(log_of(v)), 0x7fc00000u, v < 0.0));
}

// To the exponent: u^v · log(u), and 0 for the base 0 with v >= 0.
fn exponent_slope(u: vec4<f32>, v: vec4<f32>) -> vec4<f32> {
  let logs = vec4(checked_log(u.x), checked_log(u.y), checked_log(u.z), checked_log(u.w));
  return select(power4(u, v) * logs, vec4(0.0), (u == vec4(0.0)) & (v >= vec4(0.0)));
}
