// NaN and infinity as PyTorch carries them. WGSL lets compilers assume that floats are neither: max(NaN, 0) is 0 on most
// adapters, and `v <= 0` may be read as `!(v > 0)`. Integers are safe, so every rule here looks at the bits.
fn is_nan(v: f32) -> bool {
  return (bitcast<u32>(v) & 0x7fffffffu) > 0x7f800000u;
}

fn is_nan4(v: vec4<f32>) -> vec4<bool> {
  return (bitcast<vec4<u32>>(v) & vec4(0x7fffffffu)) > vec4(0x7f800000u);
}

// NaN or infinite: all exponent bits are set.
fn is_nonfinite(v: f32) -> bool {
  return (bitcast<u32>(v) & 0x7f800000u) == 0x7f800000u;
}

fn is_nonfinite4(v: vec4<f32>) -> vec4<bool> {
  return (bitcast<vec4<u32>>(v) & vec4(0x7f800000u)) == vec4(0x7f800000u);
}

// max(v, 0), NaN where v is: what is from -0 to minus infinity becomes 0.
fn relu_of(v: f32) -> f32 {
  return select(v, 0.0, (bitcast<u32>(v) ^ 0x80000000u) <= 0x7f800000u);
}

// `result`, made of v by min, max or clamp; NaN where v is.
fn carried(result: f32, v: f32) -> f32 {
  return select(result, v, is_nan(v));
}

fn carried4(result: vec4<f32>, v: vec4<f32>) -> vec4<f32> {
  return select(result, v, is_nan4(v));
}

// Functions of NaN are NaN too; SwiftShader's own exp gives infinity, its log 89.1.
fn exp_of(v: f32) -> f32 {
  return carried(exp(v), v);
}

fn log_of(v: f32) -> f32 {
  return carried(log(v), v);
}

// v · 0: 0, but NaN where v is NaN or infinite. For what a mask drops.
fn dropped(v: f32) -> f32 {
  return bitcast<f32>(select(0u, bitcast<u32>(v) | 0x7fc00000u, is_nonfinite(v)));
}

fn dropped4(v: vec4<f32>) -> vec4<f32> {
  return bitcast<vec4<f32>>(select(vec4(0u), bitcast<vec4<u32>>(v) | vec4(0x7fc00000u), is_nonfinite4(v)));
}

// v == top, and of two NaN too.
fn ties_with(v: f32, top: f32) -> bool {
  return select(v == top, is_nan(v) && is_nan(top), is_nan(v) || is_nan(top));
}

// Whether v takes the lead from `top` in a search for the largest: the first NaN wins, as in PyTorch.
fn takes_lead(v: f32, top: f32) -> bool {
  return !is_nan(top) && (is_nan(v) || v > top);
}
