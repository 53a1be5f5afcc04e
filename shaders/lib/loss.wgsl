// Frame of the losses of single elements: u is the prediction, t the target, w the weight of positive targets, k a constant.
//!include "lib/nonfinite.wgsl"
//!include "lib/pointwise.wgsl"
alias ActX = f32;                        //!spec   element types in memory: of the prediction
alias ActT = f32;                        //!spec   and of the target
const WEIGHTED: bool = false;            //!spec

// log(1 + e^v), exact at both ends.
fn softplus_of(v: f32) -> f32 {
  return carried(max(v, 0.0) + log1p_exp_negative(abs(v)), v);
}

// Weights of the four elements of a quad: that of element i is number (i / inner) % count.
fn positive_weights(quad: u32) -> vec4<f32> {
  if (!WEIGHTED) {
    return vec4<f32>(1.0);
  }
  let inner = params.inner;
  var place = quad * 4u % inner;
  var at = quad * 4u / inner % params.count;
  var w = vec4<f32>(0.0);
  for (var c = 0u; c < 4u; c++) {  //!unroll
    w[c] = weight[at];
    place++;
    at += select(0u, 1u, place == inner);
    at = select(at, 0u, at == params.count);
    place = select(place, 0u, place == inner);
  }
  return w;
}
