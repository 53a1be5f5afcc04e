// The correlation of conv2d.wgsl for adapters where a load costs as much as many multiplications (software ones). Lanes of
// a subgroup are channels of y; a subgroup computes OB x S channels of PY x PX pixels. Per channel of x its lanes load
// the patch under those pixels together, one pixel each, and share every value by broadcast.
enable subgroups;
//!include "lib/index.wgsl"
const S: u32 = 8u;           //!spec   lanes of a subgroup: 4, 8 or 16
const OB: u32 = 2u;          //!spec   channels per invocation
const PY: u32 = 8u;          //!spec   rows and
const PX: u32 = 8u;          //!spec   columns of pixels per subgroup
const TY: u32 = 3u;          //!spec   params.taps
const TX: u32 = 3u;          //!spec
const STEP_Y: u32 = 1u;      //!spec   params.x_step
const STEP_X: u32 = 1u;      //!spec
const SPREAD_Y: u32 = 1u;    //!spec   params.spread
const SPREAD_X: u32 = 1u;    //!spec
// A single tap needs only every STEP-th pixel; more taps need all pixels between the first and the last.
const GAP_Y: u32 = select(1u, STEP_Y, TY == 1u);
const GAP_X: u32 = select(1u, STEP_X, TX == 1u);
const ROWS: u32 = ((PY - 1u) * STEP_Y + (TY - 1u) * SPREAD_Y) / GAP_Y + 1u;
const COLUMNS: u32 = ((PX - 1u) * STEP_X + (TX - 1u) * SPREAD_X) / GAP_X + 1u;
const LOADS: u32 = (ROWS * COLUMNS + S - 1u) / S;
const QUAD: u32 = select(PX, 4u, PX % 4u == 0u);  // pixels summed side by side: independent sums hide the latency of an addition

struct Params {
  batch: u32,
  groups: u32,
  reduced: u32,              // channels of x per group
  written: u32,              // channels of y per group
  source: vec2<u32>,         // rows and columns of x; likewise below
  pixels: vec2<u32>,         // those of y that this dispatch writes
  plane: vec2<u32>,          // all of y
  y_step: vec2<u32>,         // from one written pixel to the next
  y_start: vec2<u32>,
  taps: vec2<u32>,
  x_step: vec2<u32>,         // x pixels per written pixel
  x_start: vec2<i32>,        // x pixel under tap 0 of written pixel 0
  spread: vec2<u32>,         // x pixels per tap
  w_tap: vec2<i32>,          // strides of w, in elements
  w_written: u32,
  w_reduced: u32,
  w_group: u32,
  w_start: u32,
  has_bias: u32,
}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> w: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;           // [O]; anything when has_bias is 0
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) index: u32, @builtin(subgroup_invocation_id) lane: u32) {
  let tiles = (params.written + OB * S - 1u) / (OB * S);
  let across = (params.pixels.y + PX - 1u) / PX;
  let down = (params.pixels.x + PY - 1u) / PY;
  let flat = flat_group(group, groups) * (64u / S) + index / S;
  let row0 = flat % tiles * (OB * S) + lane;
  let px0 = flat / tiles % across * PX;
  let py0 = flat / tiles / across % down * PY;
  let image = flat / tiles / across / down;
  let n = image / params.groups;
  let g = image % params.groups;
  let here = n < params.batch;

  let source = params.source;
  let reduced = params.reduced;
  let y0 = i32(py0 * STEP_Y) + params.x_start.x;
  let x0 = i32(px0 * STEP_X) + params.x_start.y;
  var inside: array<bool, LOADS>;
  var at: array<u32, LOADS>;
  for (var i = 0u; i < LOADS; i++) {  //!unroll
    let e = i * S + lane;
    let iy = u32(y0 + i32(e / COLUMNS * GAP_Y));
    let ix = u32(x0 + i32(e % COLUMNS * GAP_X));
    inside[i] = here && e < ROWS * COLUMNS && iy < source.x && ix < source.y;
    at[i] = select(0u, ((n * params.groups + g) * reduced * source.x + iy) * source.y + ix, inside[i]);
  }
  // Lanes beyond the last channel load its weights again and store nothing.
  var w_lane: array<u32, OB>;
  for (var j = 0u; j < OB; j++) {  //!unroll
    w_lane[j] = g * params.w_group + params.w_start + min(row0 + j * S, params.written - 1u) * params.w_written;
  }

  var sum: array<f32, PY * PX * OB>;
  for (var c = 0u; c < reduced; c++) {
    var pixel: array<f32, LOADS * S>;
    for (var i = 0u; i < LOADS; i++) {  //!unroll
      let value = select(0.0, x[at[i] + c * source.x * source.y], inside[i]);
      pixel[i * S] = subgroupBroadcast(value, 0u);
      pixel[i * S + 1u] = subgroupBroadcast(value, 1u);
      pixel[i * S + 2u] = subgroupBroadcast(value, 2u);
      pixel[i * S + 3u] = subgroupBroadcast(value, 3u);
      if (S > 4u) {
        pixel[i * S + 4u % S] = subgroupBroadcast(value, 4u);
        pixel[i * S + 5u % S] = subgroupBroadcast(value, 5u);
        pixel[i * S + 6u % S] = subgroupBroadcast(value, 6u);
        pixel[i * S + 7u % S] = subgroupBroadcast(value, 7u);
      }
    }
    var weight: array<f32, TY * TX * OB>;
    for (var ky = 0u; ky < TY; ky++) {  //!unroll
      for (var kx = 0u; kx < TX; kx++) {  //!unroll
        for (var j = 0u; j < OB; j++) {  //!unroll
          weight[(ky * TX + kx) * OB + j] =
            w[w_lane[j] + c * params.w_reduced + u32(i32(ky) * params.w_tap.x + i32(kx) * params.w_tap.y)];
        }
      }
    }
    for (var py = 0u; py < PY; py++) {  //!unroll
      for (var px = 0u; px < PX; px += QUAD) {  //!unroll
        for (var ky = 0u; ky < TY; ky++) {  //!unroll
          for (var kx = 0u; kx < TX; kx++) {  //!unroll
            for (var j = 0u; j < OB; j++) {  //!unroll
              for (var i = 0u; i < QUAD; i++) {  //!unroll
                sum[(py * PX + px + i) * OB + j] += weight[(ky * TX + kx) * OB + j]
                  * pixel[(py * STEP_Y + ky * SPREAD_Y) / GAP_Y * COLUMNS + ((px + i) * STEP_X + kx * SPREAD_X) / GAP_X];
              }
            }
          }
        }
      }
    }
  }

  // Stored by a loop that stays a loop, from a copy: written out, the stores would be most of what a driver compiles.
  var copy: array<f32, PY * PX * OB>;
  for (var i = 0u; i < PY * PX * OB; i++) {  //!unroll
    copy[i] = sum[i];
  }
  if (here) {
    for (var i = 0u; i < PY * PX * OB; i++) {
      let channel = row0 + i % OB * S;
      let py = py0 + i / OB / PX;
      let px = px0 + i / OB % PX;
      if (channel < params.written && py < params.pixels.x && px < params.pixels.y) {
        var value = copy[i];
        if (params.has_bias == 1u) {
          value += b[g * params.written + channel];
        }
        let plane = (image * params.written + channel) * params.plane.x;
        y[(plane + py * params.y_step.x + params.y_start.x) * params.plane.y + px * params.y_step.y + params.y_start.y] = value;
      }
    }
  }
}
