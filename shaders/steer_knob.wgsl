// Moves the one number that controls how much a learned threshold prunes (STR: decay of s, LTP: price of a weight), so that the
// count of live weights follows a falling curve. A controller in logarithms, since both numbers act over orders of magnitude:
//   e = ln(live / aim);  bias += INTEGRAL e dx;  knob = start exp(bias + PROPORTIONAL e)      x: progress of pruning, 0 to 1
const PROPORTIONAL: f32 = 8.0;
const INTEGRAL: f32 = 20.0;
const REACH: f32 = 9.2;                  // ln 10000: largest change of the knob
struct Control { aim: f32, dx: f32, moves: u32, most: f32 }               // moves: 0 before the first count; most: of the knob
struct State { sent: f32, knob: f32, bias: f32, live: f32 }
// One dispatch for each chunk of parameters, in order. unit: from the knob to the optimiser's number.
struct Params { layers: u32, first: u32, last: u32, start: f32, unit: f32 }
@group(0) @binding(0) var<storage, read> control: Control;
@group(0) @binding(1) var<storage, read> counts: array<u32>;                 // [layers] or more: live weights of each layer
@group(0) @binding(2) var<storage, read_write> state: State;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(1)
fn main() {
  var live = select(state.live, 0.0, params.first != 0u);
  for (var i = 0u; i < params.layers; i++) {
    live += f32(counts[i]);
  }
  state.live = live;
  if (params.last == 0u) {
    return;
  }
  if (control.moves != 0u) {
    let e = log(max(live, 1.0) / control.aim);
    state.bias = clamp(state.bias + INTEGRAL * control.dx * e, -REACH, REACH);
    state.knob = min(control.most, params.start * exp(clamp(state.bias + PROPORTIONAL * e, -REACH, REACH)));
  }
  state.sent = state.knob * params.unit;
}
