// y of x [planes, H, W] resampled to [planes, OH, OW]. An invocation writes EACH neighbours of a row; their loads come first.
//!include "lib/elements.wgsl"
//!include "lib/upsample.wgsl"
alias Act = f32;                         //!spec   element type of activations in memory
alias Out = Act;                         //!spec   Act, or vec4<Act> for EACH 4
const EACH: u32 = 1u;                    //!spec   1, or 4 where rows of y are whole quads
const ITEMS_PER_INVOCATION: u32 = 4u;    //!spec   counted in Outs
@group(0) @binding(0) var<storage, read> x: array<Act>;
@group(0) @binding(1) var<storage, read_write> y: array<Out>;
@group(0) @binding(2) var<uniform> params: Params;

fn written(v: vec4<f32>) -> Out { return Out(v.x); }  //!spec

// The taps of EACH neighbouring columns. By integers it divides once, and counts quotient and remainder up.
fn column_taps(first: u32, input: u32, output: u32, ratio: f32) -> array<Taps, EACH> {
  var found: array<Taps, EACH>;
  if (BILINEAR || !RATIONAL) {
    for (var e = 0u; e < EACH; e++) {  //!unroll
      found[e] = taps(first + e, input, output, ratio);
    }
    return found;
  }
  var low = first * input / output;
  var rest = first * input - low * output;
  let whole = input / output;
  let part = input - whole * output;
  for (var e = 0u; e < EACH; e++) {  //!unroll
    let at = min(low, input - 1u);
    found[e] = Taps(at, at, 0.0);
    rest += part;
    low += whole + select(0u, 1u, rest >= output);
    rest -= select(0u, output, rest >= output);
  }
  return found;
}

fn between(low: f32, high: f32, share: f32) -> f32 {
  return (1.0 - share) * low + share * high;
}

fn element(i: u32) {
  let p = params;
  let size = p.input;
  let across = p.output.y / EACH;
  let line = i / across;
  let plane = line / p.output.x;
  let r = taps(line - plane * p.output.x, size.x, p.output.x, p.ratio.x);
  let c = column_taps((i - line * across) * EACH, size.y, p.output.y, p.ratio.y);
  let upper = (plane * size.x + r.low) * size.y;
  let lower = (plane * size.x + r.high) * size.y;
  var seen: array<vec4<f32>, EACH>;
  for (var e = 0u; e < EACH; e++) {  //!unroll
    seen[e].x = f32(x[upper + c[e].low]);
    if (BILINEAR) {
      seen[e].y = f32(x[upper + c[e].high]);
      seen[e].z = f32(x[lower + c[e].low]);
      seen[e].w = f32(x[lower + c[e].high]);
    }
  }
  var made: vec4<f32>;
  for (var e = 0u; e < EACH; e++) {  //!unroll
    made[e] = seen[e].x;
    if (BILINEAR) {
      made[e] = between(between(seen[e].x, seen[e].y, c[e].share), between(seen[e].z, seen[e].w, c[e].share), r.share);
    }
  }
  y[i] = written(made);
}
