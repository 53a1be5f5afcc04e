// Pooling of [planes, H, W] by the definition, one output (forward) or input (backward) per invocation. No saved indices:
// the backward pass of the maximum searches each window again.
//!include "lib/elements.wgsl"
const ITEMS_PER_INVOCATION: u32 = 1u;
const MAX: bool = true;                  //!spec   false: mean, padding counted
const BACKWARD: bool = false;            //!spec
struct Params { n: u32, window: vec2<u32>, stride: vec2<u32>, padding: vec2<u32>, in_size: vec2<u32>, out_size: vec2<u32> }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;    // backward: dx
@group(0) @binding(3) var<uniform> params: Params;

// Input coordinates are shifted by the padding, so that none is negative.
fn inside(at: vec2<u32>) -> bool {
  return all(at >= params.padding) && all(at < params.padding + params.in_size);
}

fn index_of(plane: u32, at: vec2<u32>) -> u32 {
  let p = at - params.padding;
  return (plane * params.in_size.x + p.x) * params.in_size.y + p.y;
}

// Returns the index of the first largest element of a window.
fn winner(plane: u32, out: vec2<u32>) -> u32 {
  var best = 0xffffffffu;
  for (var i = 0u; i < params.window.x; i++) {
    for (var j = 0u; j < params.window.y; j++) {
      let at = out * params.stride + vec2(i, j);
      if (inside(at)) {
        let here = index_of(plane, at);
        if (best == 0xffffffffu || x[here] > x[best]) {
          best = here;
        }
      }
    }
  }
  return best;
}

fn element(i: u32) {
  let size = select(params.out_size, params.in_size, BACKWARD);
  let plane = i / (size.x * size.y);
  let at = vec2(i / size.y % size.x, i % size.y);
  let area = f32(params.window.x * params.window.y);
  var total = 0.0;
  if (!BACKWARD) {
    if (MAX) {
      y[i] = x[winner(plane, at)];
      return;
    }
    for (var u = 0u; u < params.window.x; u++) {
      for (var v = 0u; v < params.window.y; v++) {
        let source = at * params.stride + vec2(u, v);
        if (inside(source)) {
          total += x[index_of(plane, source)];
        }
      }
    }
    y[i] = total / area;
    return;
  }
  // Every window that covers this element.
  let shifted = at + params.padding;
  for (var u = 0u; u < params.window.x; u++) {
    for (var v = 0u; v < params.window.y; v++) {
      let tap = vec2(u, v);
      if (any(shifted < tap) || any((shifted - tap) % params.stride != vec2(0u))) {
        continue;
      }
      let out = (shifted - tap) / params.stride;
      if (any(out >= params.out_size)) {
        continue;
      }
      let share = dy[(plane * params.out_size.x + out.x) * params.out_size.y + out.y];
      if (!MAX) {
        total += share / area;
      } else if (winner(plane, out) == i) {
        total += share;
      }
    }
  }
  y[i] = total;
}
