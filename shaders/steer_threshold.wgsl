// One step of a steered threshold: moves it to a share of the magnitude that reaches the target. It never falls.
struct Control {
  slot: u32,                             // of this step in the trace
  slot_next: u32,
  measured: u32,                         // 1: `measure` is new
  fraction: f32,                         // share of the way to the target after this step
}
struct State { threshold: f32, goal: f32, spare0: f32, spare1: f32 }
struct Move { now: f32, next: f32, tau: f32, spare: f32 }
@group(0) @binding(0) var<storage, read> control: Control;
@group(0) @binding(1) var<storage, read> measure: array<f32>;           // [1]
@group(0) @binding(2) var<storage, read_write> state: State;
@group(0) @binding(3) var<storage, read_write> trace: array<f32>;       // [256] threshold in force during step n, at n % 256
@group(0) @binding(4) var<storage, read_write> moved: Move;

@compute @workgroup_size(1)
fn main() {
  var goal = state.goal;
  if (control.measured != 0u) {
    goal = measure[0];
  }
  let now = state.threshold;
  var next = now;
  // All exponent bits are set for NaN and infinity, of diverged weights. Compilers may assume that floats are neither.
  if ((bitcast<u32>(goal) & 0x7f800000u) != 0x7f800000u) {
    next = max(now, control.fraction * max(goal, 0.0));
  }
  state.threshold = next;
  state.goal = goal;
  trace[control.slot] = now;
  trace[control.slot_next] = next;
  moved.now = now;
  moved.next = next;
  moved.tau = next - now;
}
