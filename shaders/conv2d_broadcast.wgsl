// The correlation of conv2d.wgsl for adapters where a load costs as much as many multiplications (software ones). Lanes of
// a subgroup lie along blocks of PX neighbouring pixels of a row; an invocation keeps TM channels x PX pixels. Per channel
// and tap row it loads one patch of x for all taps of the row; each lane loads a weight or two, and the subgroup shares
// them.
enable subgroups;
//!include "lib/index.wgsl"
const S: u32 = 8u;           //!spec   lanes of a subgroup
const TM: u32 = 8u;          //!spec   channels per invocation: 4, 8 or 16
const PX: u32 = 8u;          //!spec   pixels per invocation
const TAPS: u32 = 3u;        //!spec   taps of a row; params.taps.y
const STEP: u32 = 1u;        //!spec   params.x_step.y
const SPREAD: u32 = 1u;      //!spec   params.spread.y
const PATCH: u32 = (PX - 1u) * STEP + (TAPS - 1u) * SPREAD + 1u;
const QUADS: u32 = TM / 4u;
const WORDS: u32 = (TM + S - 1u) / S;  // weights that each lane loads per tap

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
  let tiles = (params.written + TM - 1u) / TM;
  let flat = flat_group(group, groups);
  let row0 = flat % tiles * TM;
  let g = flat / tiles % params.groups;
  let blocks = (params.pixels.y + PX - 1u) / PX;
  let block = flat / tiles / params.groups * 64u + index;
  let px0 = block % blocks * PX;
  let py = block / blocks % params.pixels.x;
  let n = block / blocks / params.pixels.x;
  let here = n < params.batch;

  let reduced = params.reduced;
  let source = params.source;
  let x0 = i32(px0 * STEP) + params.x_start.y;
  var plane = (n * params.groups + g) * reduced * source.x;
  // Lanes beyond the last channel load its weights again and store nothing.
  var w_lane: array<u32, 4>;
  for (var j = 0u; j < WORDS; j++) {
    w_lane[j] = g * params.w_group + params.w_start + min(row0 + j * S + lane, params.written - 1u) * params.w_written;
  }

  var sum: array<vec4<f32>, PX * QUADS>;
  for (var c = 0u; c < reduced; c++) {
    for (var ky = 0u; ky < params.taps.x; ky++) {
      let iy = u32(i32(py * params.x_step.x + ky * params.spread.x) + params.x_start.x);
      let inside = here && iy < source.x;
      let row = (plane + iy) * source.y;
      var patch_: array<f32, PATCH>;
      for (var i = 0u; i < PATCH; i++) {
        let ix = u32(x0 + i32(i));
        let ok = inside && ix < source.y;
        let value = x[select(0u, row + ix, ok)];
        patch_[i] = select(0.0, value, ok);
      }
      let w_row = c * params.w_reduced + u32(i32(ky) * params.w_tap.x);
      for (var kx = 0u; kx < TAPS; kx++) {
        var word: array<f32, 4>;
        for (var j = 0u; j < WORDS; j++) {
          word[j] = w[w_lane[j] + w_row + u32(i32(kx) * params.w_tap.y)];
        }
        var q: array<vec4<f32>, 4>;
        q[0] = vec4<f32>(subgroupBroadcast(word[0u / S], 0u), subgroupBroadcast(word[1u / S], 1u % S),
                         subgroupBroadcast(word[2u / S], 2u % S), subgroupBroadcast(word[3u / S], 3u % S));
        if (TM > 4u) {
          q[1] = vec4<f32>(subgroupBroadcast(word[4u / S], 4u % S), subgroupBroadcast(word[5u / S], 5u % S),
                           subgroupBroadcast(word[6u / S], 6u % S), subgroupBroadcast(word[7u / S], 7u % S));
        }
        if (TM > 8u) {
          q[2] = vec4<f32>(subgroupBroadcast(word[8u / S], 8u % S), subgroupBroadcast(word[9u / S], 9u % S),
                           subgroupBroadcast(word[10u / S], 10u % S), subgroupBroadcast(word[11u / S], 11u % S));
          q[3] = vec4<f32>(subgroupBroadcast(word[12u / S], 12u % S), subgroupBroadcast(word[13u / S], 13u % S),
                           subgroupBroadcast(word[14u / S], 14u % S), subgroupBroadcast(word[15u / S], 15u % S));
        }
        for (var i = 0u; i < PX; i++) {
          let v = patch_[i * STEP + kx * SPREAD];
          for (var j = 0u; j < QUADS; j++) {
            sum[i * QUADS + j] += q[j] * v;
          }
        }
      }
    }
    plane += source.x;
  }

  let oy = py * params.y_step.x + params.y_start.x;
  for (var i = 0u; i < PX; i++) {
    let ox = (px0 + i) * params.y_step.y + params.y_start.y;
    if (here && px0 + i < params.pixels.y) {
      for (var j = 0u; j < TM; j++) {
        if (row0 + j < params.written) {
          let channel = g * params.written + row0 + j;
          var value = sum[i * QUADS + j / 4u][j % 4u];
          if (params.has_bias == 1u) {
            value += b[channel];
          }
          y[((n * params.groups * params.written + channel) * params.plane.x + oy) * params.plane.y + ox] = value;
        }
      }
    }
  }
}
