// The weight gradient of conv2d_grad_weight.wgsl for adapters where a load costs as much as many multiplications. Lanes of
// a subgroup lie along (input channel, tap row); an invocation keeps TM output channels x CB such columns x all taps of the
// row. It walks PX pixels of dy at a time: one patch of x per column, one value of dy per lane that the subgroup shares.
enable subgroups;
//!include "lib/index.wgsl"
const S: u32 = 8u;           //!spec   lanes of a subgroup, and of a workgroup
const TM: u32 = 8u;          //!spec   output channels per invocation: 4, 8 or 16
const PX: u32 = 8u;          //!spec   pixels of dy at a time
const CB: u32 = 1u;          //!spec   columns per invocation
const TAPS: u32 = 3u;        //!spec   params.kernel.y
const STEP: u32 = 1u;        //!spec   params.stride.y
const SPREAD: u32 = 1u;      //!spec   params.dilation.y
const PATCH: u32 = (PX - 1u) * STEP + (TAPS - 1u) * SPREAD + 1u;
const QUADS: u32 = TM / 4u;
const WORDS: u32 = (TM + S - 1u) / S;  // values of dy that each lane loads per pixel
const SUMS: u32 = CB * TAPS;

struct Params {
  x_shape: vec4<u32>,        // N, C, H, W
  y_shape: vec4<u32>,        // N, O, OH, OW
  kernel: vec2<u32>,         // rows, columns; likewise below
  stride: vec2<u32>,
  padding: vec2<u32>,
  dilation: vec2<u32>,
  groups: u32,
  slices: u32,
  slice: u32,                // rows of dy per slice
}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read_write> dw: array<f32>;    // [slices, O, C / groups, kh, kw]
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(S)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(subgroup_invocation_id) lane: u32) {
  let reduced = params.x_shape.y / params.groups;
  let written = params.y_shape.y / params.groups;
  let columns = reduced * params.kernel.x;
  let row_tiles = (written + TM - 1u) / TM;
  let column_tiles = (columns + S * CB - 1u) / (S * CB);
  let flat = flat_group(group, groups);
  let row0 = flat % row_tiles * TM;
  let column0 = flat / row_tiles % column_tiles * S * CB + lane;
  let g = flat / (row_tiles * column_tiles) % params.groups;
  let slice = flat / (row_tiles * column_tiles * params.groups);
  let out_rows = params.y_shape.z;
  let out_columns = params.y_shape.w;
  let source = params.x_shape.zw;
  let end = min((slice + 1u) * params.slice, params.x_shape.x * out_rows);

  // Channel of dy that each lane loads; lanes beyond the last one load it again and its sums are not stored.
  var y_lane: array<u32, 4>;
  for (var j = 0u; j < WORDS; j++) {
    y_lane[j] = g * written + min(row0 + j * S + lane, written - 1u);
  }

  var sum: array<vec4<f32>, SUMS * QUADS>;
  for (var r = slice * params.slice; r < end; r++) {
    let n = r / out_rows;
    let oy = r % out_rows;
    var inside: array<bool, CB>;
    var row: array<u32, CB>;
    for (var j = 0u; j < CB; j++) {
      // Above the first row the subtraction wraps to a huge number, which is not below H either.
      let column = column0 + j * S;
      let iy = oy * params.stride.x + column % params.kernel.x * params.dilation.x - params.padding.x;
      inside[j] = column < columns && iy < source.x;
      row[j] = ((n * params.x_shape.y + g * reduced + column / params.kernel.x) * source.x + iy) * source.y;
    }
    for (var px0 = 0u; px0 < out_columns; px0 += PX) {
      var patch_: array<f32, CB * PATCH>;
      for (var i = 0u; i < PATCH; i++) {
        let ix = px0 * STEP + i - params.padding.y;
        for (var j = 0u; j < CB; j++) {
          let ok = inside[j] && ix < source.y;
          let value = x[select(0u, row[j] + ix, ok)];
          patch_[j * PATCH + i] = select(0.0, value, ok);
        }
      }
      for (var i = 0u; i < PX; i++) {
        let px = px0 + i;
        var word: array<f32, 4>;
        for (var j = 0u; j < WORDS; j++) {
          let value = dy[((n * params.y_shape.y + y_lane[j]) * out_rows + oy) * out_columns + min(px, out_columns - 1u)];
          word[j] = select(0.0, value, px < out_columns);
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
        for (var j = 0u; j < SUMS; j++) {
          let v = patch_[j / TAPS * PATCH + i * STEP + j % TAPS * SPREAD];
          for (var k = 0u; k < QUADS; k++) {
            sum[j * QUADS + k] += q[k] * v;
          }
        }
      }
    }
  }

  for (var j = 0u; j < SUMS; j++) {
    let column = column0 + j / TAPS * S;
    for (var o = 0u; o < TM; o++) {
      if (column < columns && row0 + o < written) {
        dw[((slice * params.y_shape.y + g * written + row0 + o) * columns + column) * TAPS + j % TAPS] = sum[j * QUADS + o / 4u][o % 4u];
      }
    }
  }
}
