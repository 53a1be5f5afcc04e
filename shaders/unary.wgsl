// Pointwise functions of one tensor; OP picks one and compilers drop the rest. Four elements a load, two loads an invocation.
//!include "lib/index.wgsl"
//!include "lib/nonfinite.wgsl"
//!include "lib/pointwise.wgsl"
const OP: u32 = 0u;                      //!spec   index in the table of src/ops/unary.ts
const_assert OP <= 16u;                  // a code without a case of its own must not compile
struct Params { n: u32, slope: f32 }
@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> params: Params;

fn f(v: f32) -> f32 {
  switch (OP) {
    case 0u: { return relu_of(v); }
    case 1u: { return carried(clamp(v, 0.0, 6.0), v); }
    case 2u: { return v * sigmoid(v); }
    case 3u: { return v * clamp(v + 3.0, 0.0, 6.0) / 6.0; }
    case 4u: { return carried(clamp(v + 3.0, 0.0, 6.0) / 6.0, v); }
    case 5u: { return sigmoid(v); }
    case 6u: { return safe_tanh(v); }
    case 7u: { return v * normal_cdf(v); }
    case 8u: { return 0.5 * v * (1.0 + safe_tanh(GELU_A * (v + GELU_B * v * v * v))); }
    case 9u: { return select(params.slope * v, v, v > 0.0); }
    case 10u: { return carried(max(v, 0.0) + log1p_exp_negative(abs(v)), v); }
    case 11u: { return exp_of(v); }
    case 12u: { return log_of(v); }
    case 13u: { return sqrt(v); }
    case 14u: { return -v; }
    case 15u: { return abs(v); }
    default: { return v * v; }
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
      let r = vec4(f(v.x), f(v.y), f(v.z), f(v.w));
      if (i * 4u + 4u <= params.n) {
        y[i] = r;
      } else {
        for (var c = 0u; c < params.n % 4u; c++) {
          y[i][c] = r[c];
        }
      }
    }
  }
}
