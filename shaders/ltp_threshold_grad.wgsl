// Gradients of x · gate and of Σ gate. With q = gate (1 - gate) / T:
//   x · gate:  dx = dy (gate [+ 2 x² q]),  share of dtau = -dy x q
//   Σ gate:    dx = [dy 2 x q],            share of dtau = -dy q
// The terms in brackets go through the gate and may be left out.
//!include "lib/elements.wgsl"
//!include "lib/gate.wgsl"
const GATE_ONLY: bool = false;           //!spec
const THROUGH_GATE: bool = true;         //!spec
const ITEMS_PER_INVOCATION: u32 = 4u;
struct Params { n: u32, temperature: f32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> tau: array<f32>;               // [1]
@group(0) @binding(2) var<storage, read> dy: array<f32>;                // [n], or [1] for the sum
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;
@group(0) @binding(4) var<storage, read_write> share: array<f32>;
@group(0) @binding(5) var<uniform> params: Params;

fn element(i: u32) {
  let v = x[i];
  let gate = ltp_gate(v, tau[0], params.temperature);
  let q = ltp_slope(v, tau[0], params.temperature);
  let g = dy[select(i, 0u, GATE_ONLY)];
  let through = select(0.0, 1.0, THROUGH_GATE);
  dx[i] = g * select(gate + through * 2.0 * v * v * q, through * 2.0 * v * q, GATE_ONLY);
  share[i] = -g * q * select(v, 1.0, GATE_ONLY);
}
