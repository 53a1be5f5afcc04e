// Pointwise functions that stay finite and accurate where the built-in ones need not.
const GELU_A: f32 = 0.7978845608;        // sqrt(2 / pi)
const GELU_B: f32 = 0.044715;
const INV_SQRT_2PI: f32 = 0.3989422804;

// By exp of a non-positive number only: no overflow at either end.
fn sigmoid(v: f32) -> f32 {
  let e = exp(-abs(v));
  return select(e, 1.0, v >= 0.0) / (1.0 + e);
}

// WGSL lets tanh overflow for large arguments, and 1 - 2 / (e^2x + 1) cancels for small ones.
fn safe_tanh(v: f32) -> f32 {
  let a = abs(v);
  let s = v * v;
  let near = v * (1.0 + s * (-0.33333333 + s * (0.13333333 + s * (-0.053968254 + s * (0.021869489 - s * 0.0088632355)))));
  let e = exp(-2.0 * a);
  let far = sign(v) * (1.0 - e) / (1.0 + e);
  return select(far, near, a < 0.4);
}

// log(1 + exp(-a)) for a >= 0; the series keeps its digits where exp(-a) is small.
fn log1p_exp_negative(a: f32) -> f32 {
  let t = exp(-a);
  let series = t * (1.0 - t * (0.5 - t * (0.33333333 - t * (0.25 - t * 0.2))));
  return select(log(1.0 + t), series, t < 0.05);
}

// Phi(v) = erfc(-v / sqrt 2) / 2, by Numerical Recipes' Chebyshev fit of erfc, |relative error| < 1.2e-7.
fn normal_cdf(v: f32) -> f32 {
  let z = abs(v) * 0.70710678;
  let t = 1.0 / (1.0 + 0.5 * z);
  let p = -z * z - 1.26551223 + t * (1.00002368 + t * (0.37409196 + t * (0.09678418 + t * (-0.18628806 + t * (0.27886807
    + t * (-1.13520398 + t * (1.48851587 + t * (-0.82215223 + t * 0.17087277))))))));
  let tail = 0.5 * t * exp(p);
  return select(tail, 1.0 - tail, v >= 0.0);
}
