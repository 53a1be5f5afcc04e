// LIF, IF and PLIF neurons through time. One invocation walks the steps of one neuron, or of four neighbours, with the
// membrane potential in a register: of each step it reads the input and writes the spike, nothing else.
//!include "lib/index.wgsl"
//!include "lib/lif.wgsl"
const ITEMS_PER_INVOCATION: u32 = 1u;    //!spec   counted in Items
const HAS_V: bool = false;               //!spec   begin with v; else with params.start
const CONSTANT: bool = false;            //!spec   x is [N, ...], the same input at every step
const NORM: bool = false;                //!spec   batch norm normalises x before use: see lib/item_norm.wgsl
const WRITE_Y: bool = true;              //!spec   false: only the last potential is needed
const KEEP_V: bool = false;              //!spec   write the last potential
const KEEP_H: bool = false;              //!spec   write the potentials before firing, for backward
const KEEP_PARTS: bool = false;          //!spec   write the potential between two blocks, for backward
const BLOCK: u32 = 4u;                   //!spec   steps written out
const PART: u32 = 1u;                    //!spec   blocks between two potentials of KEEP_PARTS: a power of two
const WHOLE: bool = true;                //!spec   whether BLOCK divides the steps
struct Params {
  items: u32,                // neurons of one step, in Items
  steps: u32,
  blocks: u32,               // of BLOCK steps, up to a whole one
  area: u32,                 // NORM: Items in a plane, and channels
  channels: u32,
  decay_input: u32,
  threshold: f32, rest: f32, start: f32, keep: f32, to: f32, k: f32, alpha: f32, slope: f32,
}
@group(0) @binding(0) var<storage, read> x: array<Stored>;              // [T, items], or [items] when CONSTANT
@group(0) @binding(1) var<storage, read> v: array<Item>;                // [items]
@group(0) @binding(2) var<storage, read> w: array<f32>;                 // [1]
@group(0) @binding(3) var<storage, read> stats: array<f32>;             // [6, C]
@group(0) @binding(4) var<storage, read_write> y: array<Stored>;        // [T, items]
@group(0) @binding(5) var<storage, read_write> last: array<Item>;       // [items]
@group(0) @binding(6) var<storage, read_write> kept: array<Item>;       // [T, items]
@group(0) @binding(7) var<storage, read_write> between: array<Item>;    // [parts - 1, items]
@group(0) @binding(8) var<uniform> params: Params;
//!include "lib/item_norm.wgsl"

// y: spikes, the potential before firing, or after the reset.
fn written(s: Item, h: Item, potential: Item) -> Item { return s; }  //!spec

// One step: returns the potential after it.
fn step_on(potential: Item, current: Item, at: u32, k: f32) -> Item {
  let h = charge(potential, current, k);
  let s = fire(h);
  let after = after_reset(h, s);
  if (WRITE_Y) {
    y[at] = Stored(written(s, h, after));
  }
  if (KEEP_H) {
    kept[at] = h;
  }
  return after;
}

// Walks BLOCK steps at a time, whose inputs are loaded before the first of them runs.
fn walk(i: u32, k: f32, norm: ItemNorm) {
  let p = params;
  var potential = Item(p.start);
  if (HAS_V) {
    potential = v[i];
  }
  var at = i;
  var mark = i;
  for (var block = 0u; block < p.blocks; block++) {
    var seen: array<Item, BLOCK>;
    var source = at;
    for (var t = 0u; t < BLOCK; t++) {  //!unroll
      seen[t] = Item(x[select(source, i, CONSTANT)]);
      source += p.items;
    }
    if (KEEP_PARTS) {
      if (block > 0u && (block & (PART - 1u)) == 0u) {
        between[mark] = potential;
        mark += p.items;
      }
    }
    for (var t = 0u; t < BLOCK; t++) {  //!unroll
      if (WHOLE || block * BLOCK + t < p.steps) {
        potential = step_on(potential, normalised_item(seen[t], norm), at, k);
      }
      at += p.items;
    }
  }
  if (KEEP_V) {
    last[i] = potential;
  }
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let k = leak_factor();
  let first = flat_group(group, groups) * (64u * ITEMS_PER_INVOCATION) + lane / NEAR * (NEAR * ITEMS_PER_INVOCATION) + lane % NEAR;
  var norm = item_norm(first);
  for (var round = 0u; round < ITEMS_PER_INVOCATION; round++) {
    let i = first + round * NEAR;
    if (i < params.items) {
      walk(i, k, norm);
    }
    norm = item_norm_after(norm, i + NEAR, NEAR);
  }
}
