// y = x · gate, or the gate alone (whose sum is the soft L0 norm).
//!include "lib/elements.wgsl"
//!include "lib/gate.wgsl"
const GATE_ONLY: bool = false;           //!spec
const ITEMS_PER_INVOCATION: u32 = 4u;
struct Params { n: u32, temperature: f32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> tau: array<f32>;               // [1]
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

fn element(i: u32) {
  let gate = ltp_gate(x[i], tau[0], params.temperature);
  y[i] = select(x[i] * gate, gate, GATE_ONLY);
}
