// Frame of the losses of single elements: u is the prediction, t the target, w the weight of positive targets, k a constant.
//!include "lib/nonfinite.wgsl"
//!include "lib/pointwise.wgsl"
const WEIGHTED: bool = false;            //!spec

// log(1 + e^v), exact at both ends.
fn softplus_of(v: f32) -> f32 {
  return carried(max(v, 0.0) + log1p_exp_negative(abs(v)), v);
}

fn positive_weight(i: u32) -> f32 {
  if (WEIGHTED) {
    return weight[i / params.inner % params.count];
  }
  return 1.0;
}
