// Counts rows whose largest logit is the target's; among equal ones the first counts. NaN when a logit is NaN: nothing is
// correct or wrong there. One workgroup, integers only: LANES of its invocations share a row.
//!include "lib/nonfinite.wgsl"
alias Act = f32;                         //!spec   element type of the logits in memory
const LANES: u32 = 64u;                  //!spec   1 or 64
const SIZE: u32 = 256u;                  //!spec   invocations
const TURNS: u32 = 4u;                   //!spec   loads of an invocation before it waits for the first
const ROWS: u32 = SIZE / LANES;          // at once
struct Params { rows: u32, classes: u32, nan: u32 }     // nan: its bits; WGSL has no such literal
@group(0) @binding(0) var<storage, read> logits: array<Act>;            // [rows, classes]
@group(0) @binding(1) var<storage, read> labels: array<i32>;            // [rows]
@group(0) @binding(2) var<storage, read_write> correct: array<f32>;     // [1]
@group(0) @binding(3) var<uniform> params: Params;

var<workgroup> total: atomic<u32>;
var<workgroup> lost: atomic<u32>;
// Of each row: the largest logit, as an integer of the same order, and its first place, from the end.
var<workgroup> tops: array<atomic<u32>, ROWS>;
var<workgroup> places: array<atomic<u32>, ROWS>;

struct Best {
  top: f32,
  place: u32,
  unknown: bool,             // one is NaN
}

// The largest of the logits own, own + LANES, ... of a row.
fn best_of(row: u32, own: u32) -> Best {
  let classes = params.classes;
  let base = row * classes;
  var best = 0u;
  var top = f32(logits[base]);
  var unknown = is_nan(top);
  for (var c = own; c < classes; c += LANES * TURNS) {
    var v: array<f32, TURNS>;
    for (var t = 0u; t < TURNS; t++) {  //!unroll
      v[t] = f32(logits[base + c + t * LANES]);
    }
    for (var t = 0u; t < TURNS; t++) {  //!unroll
      let inside = (t == 0u) | (c + t * LANES < classes);
      unknown |= inside & is_nan(v[t]);
      let leads = inside & (v[t] > top);
      top = select(top, v[t], leads);
      best = select(best, c + t * LANES, leads);
    }
  }
  return Best(top, best, unknown);
}

// Integers in the order of the floats; -0 and 0 are one.
fn ordered(v: f32) -> u32 {
  let bits = bitcast<u32>(select(v, 0.0, v == 0.0));
  return select(bits | 0x80000000u, ~bits, bits >= 0x80000000u);
}

// Place of the row's largest logit, valid in its first lane. Call it in uniform control flow.
fn first_of_all(best: Best, slot: u32) -> u32 {
  let order = ordered(best.top);
  atomicMax(&tops[slot], order);
  workgroupBarrier();
  if (atomicLoad(&tops[slot]) == order) {
    atomicMax(&places[slot], ~best.place);
  }
  workgroupBarrier();
  return ~atomicLoad(&places[slot]);
}

@compute @workgroup_size(SIZE)
fn main(@builtin(local_invocation_index) lane: u32) {
  let slot = lane & (ROWS - 1u);
  let own = lane >> firstTrailingBit(ROWS);
  var hits = 0u;
  var unknown = 0u;
  for (var first = 0u; first < params.rows; first += ROWS) {
    let row = min(first + slot, params.rows - 1u);
    let best = best_of(row, own);
    var place = best.place;
    if (LANES > 1u) {
      place = first_of_all(best, slot);
      workgroupBarrier();
      atomicStore(&tops[slot], 0u);
      atomicStore(&places[slot], 0u);
      workgroupBarrier();
    }
    unknown |= u32(best.unknown);
    hits += select(0u, 1u, own == 0u && first + slot < params.rows && i32(place) == labels[row]);
  }
  atomicAdd(&total, hits);
  atomicOr(&lost, unknown);
  workgroupBarrier();
  if (lane == 0u) {
    correct[0] = select(f32(atomicLoad(&total)), bitcast<f32>(params.nan), atomicLoad(&lost) != 0u);
  }
}
