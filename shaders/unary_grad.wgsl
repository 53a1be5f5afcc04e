// dx = dy · f'(x). At kinks the derivative is that of the usual frameworks: relu'(0) = 0, hardswish'(-3) = -1/2, ...
// Where a function is flat dx is 0, whatever dy is; a NaN of x is on no flat part of relu and relu6.
//!include "lib/index.wgsl"
//!include "lib/nonfinite.wgsl"
//!include "lib/pointwise.wgsl"
const OP: u32 = 0u;                      //!spec   index in the table of src/ops/unary.ts
const_assert OP <= 16u;                  // a code without a case of its own must not compile
struct Params { n: u32, slope: f32 }
@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;            // the input, or the output where that will do
@group(0) @binding(1) var<storage, read> dy: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> dx: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> params: Params;

const HAS_FLAT: bool = OP == 0u || OP == 1u || OP == 3u || OP == 4u;

fn df(v: f32) -> f32 {
  switch (OP) {
    case 0u: { return select(0.0, 1.0, v > 0.0 || is_nan(v)); } // from the output
    case 1u: { return select(0.0, 1.0, (v > 0.0 && v < 6.0) || is_nan(v)); } // from the output
    case 2u: { let s = sigmoid(v); return s * (1.0 + v * (1.0 - s)); }
    case 3u: { return select(select(v / 3.0 + 0.5, 1.0, v >= 3.0), 0.0, v < -3.0); }
    case 4u: { return select(0.0, 1.0 / 6.0, v > -3.0 && v < 3.0); }
    case 5u: { return v * (1.0 - v); }                       // from the output
    case 6u: { return 1.0 - v * v; }                         // from the output
    case 7u: { return normal_cdf(v) + v * INV_SQRT_2PI * exp(-0.5 * v * v); }
    case 8u: {
      let t = safe_tanh(GELU_A * (v + GELU_B * v * v * v));
      return 0.5 * (1.0 + t) + 0.5 * v * (1.0 - t * t) * GELU_A * (1.0 + 3.0 * GELU_B * v * v);
    }
    case 9u: { return select(params.slope, 1.0, v > 0.0); }
    case 10u: { return sigmoid(v); }
    case 11u: { return v; }                                  // from the output
    case 12u: { return 1.0 / v; }
    case 13u: { return 0.5 / v; }                            // from the output
    case 14u: { return -1.0; }
    case 15u: { return sign(v); }
    default: { return 2.0 * v; }
  }
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let start = flat_group(group, groups) * 128u + lane;
  for (var k = 0u; k < 2u; k++) {
    let i = start + k * 64u;
    if (i * 4u < params.n) {
      let v = x[i];
      let d = vec4(df(v.x), df(v.y), df(v.z), df(v.w));
      let r = select(dy[i] * d, vec4(0.0), vec4(HAS_FLAT) & (d == vec4(0.0)));
      if (i * 4u + 4u <= params.n) {
        dx[i] = r;
      } else {
        for (var c = 0u; c < params.n % 4u; c++) {
          dx[i][c] = r[c];
        }
      }
    }
  }
}
