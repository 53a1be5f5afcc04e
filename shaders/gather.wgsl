// y = the entries of x that the index names, along one axis. An index outside of the axis gives NaN.
//!include "lib/elements.wgsl"
alias Act = f32;                         //!spec   element type of activations in memory
alias Item = Act;                        //!spec   Act or vec4<Act>
const SHARED: bool = false;              //!spec   one index for a row of `inner` Items
const ITEMS_PER_INVOCATION: u32 = 4u;
struct Params {
  n: u32,                    // Items of y: outer · length · inner
  rows: u32,                 // entries of x along the axis
  length: u32,               // entries of y
  inner: u32,                // Items of a row
  nan: u32,                  // its bits; WGSL has no such literal
}
@group(0) @binding(0) var<storage, read> x: array<Item>;
@group(0) @binding(1) var<storage, read> index: array<i32>;
@group(0) @binding(2) var<storage, read_write> y: array<Item>;
@group(0) @binding(3) var<uniform> params: Params;

fn element(i: u32) {
  let p = params;
  let row = i / p.inner;
  let k = index[select(i, row, SHARED)];
  let seen = x[(row / p.length * p.rows + u32(k)) * p.inner + (i - row * p.inner)];
  y[i] = select(Item(Act(bitcast<f32>(p.nan))), seen, k >= 0 && u32(k) < p.rows);
}
