// y = x with its axes in another order. Copies bits, so that any dtype works. An invocation locates its first element by divisions,
// and the others by counting; its loads come first.
//!include "lib/elements.wgsl"
//!include "lib/strided.wgsl"
alias Item = u32;                        //!spec   u32 or f16; of vec4 where the innermost axis stays and is whole quads
alias Out = Item;                        //!spec   Item, or a vec4 of them for EACH 4
const ITEMS_PER_INVOCATION: u32 = 4u;    //!spec   counted in Outs
struct Params {
  n: u32,                    // Outs
  size0: vec4<u32>,          // sizes of y and strides in x, outermost first
  size1: vec4<u32>,
  stride0: vec4<u32>,
  stride1: vec4<u32>,
}
@group(0) @binding(0) var<storage, read> x: array<Item>;
@group(0) @binding(1) var<storage, read_write> y: array<Out>;
@group(0) @binding(2) var<uniform> params: Params;

fn written(v: array<Item, EACH>) -> Out { return v[0]; }  //!spec

fn element(i: u32) {
  let p = params;
  let at = strided_offsets(i * EACH, p.size0, p.size1, p.stride0, p.stride1);
  var seen: array<Item, EACH>;
  for (var e = 0u; e < EACH; e++) {  //!unroll
    seen[e] = x[at[e]];
  }
  y[i] = written(seen);
}
