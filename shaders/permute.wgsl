// y = x with its axes in another order. Copies bits, so that any dtype works.
//!include "lib/elements.wgsl"
//!include "lib/strided.wgsl"
const ITEMS_PER_INVOCATION: u32 = 4u;
struct Params {
  n: u32,
  size0: vec4<u32>,          // sizes of y and strides in x, outermost first
  size1: vec4<u32>,
  stride0: vec4<u32>,
  stride1: vec4<u32>,
}
@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;
@group(0) @binding(2) var<uniform> params: Params;

fn element(i: u32) {
  y[i] = x[strided_offset(i, params.size0, params.size1, params.stride0, params.stride1)];
}
