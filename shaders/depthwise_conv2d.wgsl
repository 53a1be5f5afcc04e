// Depthwise correlation: each written channel sums over its few source channels only (one in the forward pass, the channel
// multiplier's worth in the gradient of the input), so there is nothing to share between channels. An invocation writes PX
// neighbouring pixels of one channel. The patches of BLOCK rows are loaded without a branch before any of them is used.
//!include "lib/index.wgsl"
const PX: u32 = 4u;          //!spec   pixels per invocation
const TAPS: u32 = 3u;        //!spec   taps of a row; params.taps.y
const STEP: u32 = 1u;        //!spec   params.x_step.y
const SPREAD: u32 = 1u;      //!spec   params.spread.y
const BLOCK: u32 = 1u;       //!spec   rows of taps loaded together, a divisor of params.taps.x
const EACH: u32 = 1u;        //!spec   4: rows of x are whole quads, and so is PX · STEP; loads begin SKIP pixels earlier
const SKIP: u32 = 0u;        //!spec
const EACH_Y: u32 = 1u;      //!spec   4: the same of y, whose written pixels are neighbours
alias Act = f32;             //!spec   element type of activations in memory
alias In = Act;              //!spec   vec4<Act> for EACH 4
alias Lane = f32;            //!spec   f32, or vec4<f32> for EACH 4
alias Out = Act;             //!spec   vec4<Act> for EACH_Y 4
const PATCH: u32 = SKIP + (PX - 1u) * STEP + (TAPS - 1u) * SPREAD + 1u;
const ITEMS: u32 = (PATCH + EACH - 1u) / EACH;
const WIDTH: u32 = ITEMS * EACH;

//!include "lib/correlation_params.wgsl"
@group(0) @binding(0) var<storage, read> x: array<In>;
@group(0) @binding(1) var<storage, read> w: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;           // [O]; anything when has_bias is 0
@group(0) @binding(3) var<storage, read_write> y: array<Out>;
@group(0) @binding(4) var<uniform> params: Params;

fn written(v: vec4<f32>) -> Out { return Out(v.x); }  //!spec

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let p = params;
  let blocks = (p.pixels.y + PX - 1u) / PX;
  let flat = flat_group(group, groups) * 64u + lane;
  let row = flat / blocks;
  let px0 = (flat - row * blocks) * PX;
  let plane = row / p.pixels.x;                    // n · channels + channel
  let py = row - plane * p.pixels.x;
  let channels = p.groups * p.written;
  if (plane >= p.batch * channels) {
    return;
  }
  let image = plane / channels;
  let channel = plane - image * channels;
  let g = channel / p.written;
  let bias = select(0.0, b[channel], p.has_bias == 1u);
  var sum: array<f32, PX>;
  for (var i = 0u; i < PX; i++) {  //!unroll
    sum[i] = bias;
  }
  // Left of and above x these wrap to huge numbers.
  let across = p.source.y / EACH;
  let first = u32((i32(px0 * STEP) + p.x_start.y - i32(SKIP)) / i32(EACH));
  let iy0 = py * p.x_step.x + u32(p.x_start.x);
  var x_plane = ((image * p.groups + g) * p.reduced * p.source.x + iy0) * across + first;
  let x_step = p.spread.x * across;
  let x_reduced = p.source.x * across;
  var w_row = g * p.w_group + p.w_start + (channel - g * p.written) * p.w_written;
  let w_back = p.w_reduced - p.taps.x * u32(p.w_tap.x);
  for (var c = 0u; c < p.reduced; c++) {
    var iy = iy0;
    var x_row = x_plane;
    for (var ky = 0u; ky < p.taps.x; ky += BLOCK) {
      var seen: array<f32, BLOCK * WIDTH>;
      var weight: array<f32, BLOCK * TAPS>;
      for (var r = 0u; r < BLOCK; r++) {  //!unroll
        for (var i = 0u; i < ITEMS; i++) {  //!unroll
          let v = select(vec4(0.0), vec4<f32>(Lane(x[x_row + i])), (iy < p.source.x) & (first + i < across));
          for (var e = 0u; e < EACH; e++) {  //!unroll
            seen[r * WIDTH + i * EACH + e] = v[e];
          }
        }
        var tap = w_row;
        for (var kx = 0u; kx < TAPS; kx++) {  //!unroll
          weight[r * TAPS + kx] = w[tap];
          tap += u32(p.w_tap.y);
        }
        iy += p.spread.x;
        x_row += x_step;
        w_row += u32(p.w_tap.x);
      }
      for (var r = 0u; r < BLOCK; r++) {  //!unroll
        for (var kx = 0u; kx < TAPS; kx++) {  //!unroll
          for (var i = 0u; i < PX; i++) {  //!unroll
            sum[i] += weight[r * TAPS + kx] * seen[r * WIDTH + SKIP + i * STEP + kx * SPREAD];
          }
        }
      }
    }
    x_plane += x_reduced;
    w_row += w_back;
  }
  let oy = py * p.y_step.x + p.y_start.x;
  var at = ((plane * p.plane.x + oy) * p.plane.y + px0 * p.y_step.y + p.y_start.y) / EACH_Y;
  for (var i = 0u; i < PX; i += EACH_Y) {  //!unroll
    if (px0 + i < p.pixels.y) {
      y[at] = written(vec4(sum[i], sum[i + min(1u, EACH_Y - 1u)], sum[i + min(2u, EACH_Y - 1u)], sum[i + EACH_Y - 1u]));
    }
    at += p.y_step.y;
  }
}
