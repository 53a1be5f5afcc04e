//!include "lib/pointwise.wgsl"
// Learned threshold pruning's gate, sigmoid((w² - tau) / T). The argument is cut to ±80, where f32 has long saturated.
fn ltp_gate(w: f32, tau: f32, temperature: f32) -> f32 {
  return sigmoid(clamp((w * w - tau) / temperature, -80.0, 80.0));
}
// Derivative of the gate to its numerator: gate (1 - gate) / T, without the cancellation of 1 - gate.
fn ltp_slope(w: f32, tau: f32, temperature: f32) -> f32 {
  let z = clamp((w * w - tau) / temperature, -80.0, 80.0);
  return sigmoid(z) * sigmoid(-z) / temperature;
}
