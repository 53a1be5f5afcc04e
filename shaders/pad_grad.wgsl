// The gradient of reflecting or replicating one axis: dx is the sum of dy over the entries made from it, in a fixed order.
//!include "lib/elements.wgsl"
const REFLECT: bool = true;              //!spec   otherwise the ends repeat
alias Act = f32;                         //!spec   element type of activations in memory
const ITEMS_PER_INVOCATION: u32 = 4u;
struct Params {
  n: u32,                    // outer · size · inner
  size: u32,
  before: u32,
  after: u32,
  inner: u32,
}
@group(0) @binding(0) var<storage, read> dy: array<Act>;                 // [outer, before + size + after, inner]
@group(0) @binding(1) var<storage, read_write> dx: array<Act>;           // [outer, size, inner]
@group(0) @binding(2) var<uniform> params: Params;

fn element(i: u32) {
  let p = params;
  let row = i / p.inner;
  let c = row % p.size;
  let last = p.size - 1u;
  let base = row / p.size * (p.before + p.size + p.after) * p.inner + i % p.inner;
  var sum = f32(dy[base + (p.before + c) * p.inner]);
  if (REFLECT) {
    if (c >= 1u && c <= p.before) {
      sum += f32(dy[base + (p.before - c) * p.inner]);
    }
    if (c < last && last - c <= p.after) {
      sum += f32(dy[base + (p.before + 2u * last - c) * p.inner]);
    }
  } else {
    if (c == 0u) {
      for (var k = 0u; k < p.before; k++) {
        sum += f32(dy[base + k * p.inner]);
      }
    }
    if (c == last) {
      for (var k = 1u; k <= p.after; k++) {
        sum += f32(dy[base + (p.before + last + k) * p.inner]);
      }
    }
  }
  dx[i] = Act(sum);
}
