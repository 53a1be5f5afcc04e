// y = x with its axes in another order. Copies bits, so that any dtype works.
//!include "lib/elements.wgsl"
//!include "lib/strided.wgsl"
alias Item = u32;                        //!spec   u32 or f16; of vec4 where the innermost axis stays and is whole quads
const ITEMS_PER_INVOCATION: u32 = 4u;
struct Params {
  n: u32,                    // Items
  size0: vec4<u32>,          // sizes of y and strides in x, outermost first
  size1: vec4<u32>,
  stride0: vec4<u32>,
  stride1: vec4<u32>,
}
@group(0) @binding(0) var<storage, read> x: array<Item>;
@group(0) @binding(1) var<storage, read_write> y: array<Item>;
@group(0) @binding(2) var<uniform> params: Params;

fn element(i: u32) {
  let p = params;
  y[i] = x[strided_offset(i, p.size0, p.size1, p.stride0, p.stride1)];
}
