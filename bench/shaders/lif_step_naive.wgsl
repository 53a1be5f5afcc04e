// One stage of one step of LIF neurons with hard reset to 0, one neuron per invocation, like separate ops.
//!include "lib/elements.wgsl"
const ITEMS_PER_INVOCATION: u32 = 1u;
const OP: u32 = 0u;                      //!spec   0 charge: a = x, b = v, y = h.  1 fire: a = h, y = s.  2 reset: a = h, b = s, y = v
struct Params {
  n: u32,                    // neurons
  at_a: u32, at_b: u32, at_y: u32, // index of the step's first element in each
  begin: u32,                // 1: charge from rest, b is not read
  k: f32,                    // 1 / tau
  threshold: f32,
}
@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

fn element(i: u32) {
  let seen = a[params.at_a + i];
  var out = 0.0;
  if (OP == 0u) {
    var v = 0.0;
    if (params.begin == 0u) {
      v = b[params.at_b + i];
    }
    // In the order of lib/lif.wgsl, since the last bit can decide a spike.
    out = fma(seen, params.k, fma(-v, params.k, v));
  } else if (OP == 1u) {
    out = select(0.0, 1.0, seen >= params.threshold);
  } else {
    out = seen * (1.0 - b[params.at_b + i]);
  }
  y[params.at_y + i] = out;
}
