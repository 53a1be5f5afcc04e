// Backward through time of lif.wgsl: runs the steps forward again from the saved input, keeping H in registers, and walks
// back. FROM_H: x holds H, which forward saved, and only the way back is walked.
//!include "lib/index.wgsl"
//!include "lib/lif.wgsl"
alias Seen = Stored;                     //!spec   what x holds in memory: Item with FROM_H
alias Total = Stored;                    //!spec   dx in memory: Item where several parts add to it
const STEPS: u32 = 4u;                   //!spec   steps of this dispatch
const WIDE: bool = true;                 //!spec   whether an Item is a vec4
const ITEMS_PER_INVOCATION: u32 = 1u;    //!spec   counted in Items
const HAS_V: bool = false;               //!spec   forward began with v; else with params.start
const CONSTANT: bool = false;            //!spec   x is [N, ...]: dx is the sum over the steps
const NORM: bool = false;                //!spec   batch norm normalises x before use; dx is of the result
const FROM_H: bool = false;              //!spec   x holds H, [T, items]
const HAS_DY: bool = true;               //!spec   false: only the last potential has a gradient
const HAS_GV: bool = false;              //!spec   gv holds a gradient of the last potential
const KEEP_GV: bool = false;             //!spec   leave the gradient of the first potential in gv
const SUM_K: bool = false;               //!spec   LEARNED: write partial sums of the gradient of w
const ADD: bool = false;                 //!spec   CONSTANT: dx holds the sum over later steps
struct Params {
  items: u32,                // neurons of one step, in Items
  first: u32,                // step at which this dispatch begins
  begun: u32,                // HAS_V: where in v the potentials before it are
  area: u32,                 // NORM: Items in a plane, and channels
  channels: u32,
  slot: u32,                 // SUM_K: of dk, where this dispatch's partial sums begin
  to_s: f32, to_h: f32, to_v: f32, // 1 for what dy is the gradient of: spikes, potential before firing, after the reset
  attached: f32,             // 0: the spike in the reset counts as a constant, else 1
  decay_input: u32,
  threshold: f32, rest: f32, start: f32, keep: f32, to: f32, k: f32, alpha: f32, slope: f32,
}
@group(0) @binding(0) var<storage, read> x: array<Seen>;
@group(0) @binding(1) var<storage, read> v: array<Item>;                // [items], or several such
@group(0) @binding(2) var<storage, read> w: array<f32>;
@group(0) @binding(3) var<storage, read> stats: array<f32>;
@group(0) @binding(4) var<storage, read> dy: array<Stored>;             // [T, items]
@group(0) @binding(5) var<storage, read_write> dx: array<Total>;        // like x
@group(0) @binding(6) var<storage, read_write> gv: array<Item>;         // [items]
@group(0) @binding(7) var<storage, read_write> dk: array<f32>;          // partial sums of the gradient of w, one a workgroup
@group(0) @binding(8) var<uniform> params: Params;
//!include "lib/item_norm.wgsl"

var<workgroup> sums: array<f32, 64>;

// Gradients on the way back: of the potential after the reset, of k, and of a constant input.
struct Way {
  g: Item,
  gk: Item,
  total: Item,
}

// One step back. `before` is the potential that the step began from.
fn step_back(way: Way, h: Item, before: Item, at: u32, k: f32) -> Way {
  let s = fire(h);
  let d = surrogate_derivative(h - Item(params.threshold), params.alpha, params.slope);
  var up = Item(0.0);
  if (HAS_DY) {
    up = Item(dy[at]);
  }
  let g = way.g + up * params.to_v;
  // dV/dH: what no spike lets pass, what a soft reset keeps, and the way over the spike.
  let through = Item(1.0) - s + s * params.keep + (after_spike(h) - h) * d * params.attached;
  let gh = fma(g, through, up * (d * params.to_s + Item(params.to_h)));
  var gk = way.gk;
  if (SUM_K) {
    // With decay_input H - V = k (X - (V - rest)). k is not 0: a sigmoid.
    gk += gh * select(Item(params.rest) - before, (h - before) / k, params.decay_input != 0u);
  }
  let gx = gh * select(1.0, k, params.decay_input != 0u);
  if (!CONSTANT) {
    dx[at] = Total(gx);
  }
  return Way(fma(gh, Item(-k), gh), gk, way.total + gx);
}

// Returns the neuron's part of the gradient of k.
fn walk(i: u32, k: f32, norm: ItemNorm) -> Item {
  var potential = Item(params.start);
  if (HAS_V) {
    potential = v[params.begun + i];
  }
  let begin = potential;
  var h = array<Item, STEPS>();
  var at = params.first * params.items + i;
  for (var t = 0u; t < STEPS; t++) {  //!unroll
    let seen = Item(x[select(at, i, CONSTANT && !FROM_H)]);
    if (FROM_H) {
      h[t] = seen;
    } else {
      h[t] = charge(potential, normalised_item(seen, norm), k);
      potential = after_reset(h[t], fire(h[t]));
    }
    at += params.items;
  }
  var way = Way(Item(0.0), Item(0.0), Item(0.0));
  if (HAS_GV) {
    way.g = gv[i];
  }
  for (var back = 1u; back < STEPS; back++) {  //!unroll
    at -= params.items;
    let earlier = h[STEPS - 1u - back];
    way = step_back(way, h[STEPS - back], after_reset(earlier, fire(earlier)), at, k);
  }
  way = step_back(way, h[0], begin, at - params.items, k);
  if (CONSTANT) {
    if (ADD) {
      way.total += Item(dx[i]);
    }
    dx[i] = Total(way.total);
  }
  if (KEEP_GV) {
    gv[i] = way.g;
  }
  return way.gk;
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let k = leak_factor();
  let place = flat_group(group, groups);
  let first = place * (64u * ITEMS_PER_INVOCATION) + lane / NEAR * (NEAR * ITEMS_PER_INVOCATION) + lane % NEAR;
  var gk = Item(0.0);
  var norm = item_norm(first);
  for (var round = 0u; round < ITEMS_PER_INVOCATION; round++) {
    let i = first + round * NEAR;
    if (i < params.items) {
      gk += walk(i, k, norm);
    }
    norm = item_norm_after(norm, i + NEAR, NEAR);
  }
  if (SUM_K) {
    // An Item of one number fills the vector with it.
    sums[lane] = dot(select(vec4<f32>(0.0), vec4<f32>(gk), vec4<bool>(true, WIDE, WIDE, WIDE)), vec4<f32>(1.0));
    workgroupBarrier();
    if (lane < 8u) {
      for (var j = lane + 8u; j < 64u; j += 8u) {
        sums[lane] += sums[j];
      }
    }
    workgroupBarrier();
    if (lane == 0u && place * (64u * ITEMS_PER_INVOCATION) < params.items) {
      var sum = 0.0;
      for (var j = 0u; j < 8u; j++) {
        sum += sums[j];
      }
      dk[params.slot + place] = sum * k * (1.0 - k);
    }
  }
}
