//!include "lib/nonfinite.wgsl"
//!include "lib/pointwise.wgsl"
// Learned threshold pruning's gate, sigmoid((w² - tau) / T). The argument is cut to ±80, where f32 has long saturated.
fn ltp_gate(w: f32, tau: f32, temperature: f32) -> f32 {
  let z = (w * w - tau) / temperature;
  return sigmoid(carried(clamp(z, -80.0, 80.0), z));
}
// Derivative of the gate to its numerator: gate (1 - gate) / T, without the cancellation of 1 - gate.
fn ltp_slope(w: f32, tau: f32, temperature: f32) -> f32 {
  let open = (w * w - tau) / temperature;
  let z = carried(clamp(open, -80.0, 80.0), open);
  return sigmoid(z) * sigmoid(-z) / temperature;
}
