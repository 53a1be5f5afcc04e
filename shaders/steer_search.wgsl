// One step of a threshold d = D f, while D is searched and after. q is the measured magnitude of the target's rank: if D equals the
// q of the end, the target's share ends at or below it. Three things move q. Weights that the loss needs follow the threshold, with
// a share c of its rise. Training moves weights, less so when the learning rate is small. Weight decay shrinks the others, by the
// share `decay` in the window. With the slopes q' and d' over the learning rate spent, in the latest measurements:
//   q' = c d' - (1 - c) decay q,   so   c = (q' + decay q) / (d' + decay q)
//   q of the end = q + c (c^0.8 rise + (1 - c^0.8) calm d' left) - (1 - c) decay q left,   rise = min(d' rest / pace, D - d)
// with d' near D pace, and D moves towards the solution of D = q of the end.
const POINTS: u32 = 130u;                // most measurements of a search
const FROM: f32 = 0.2;                   // share of the learning rate from which D moves: before, weights move for other reasons
const WINDOW: f32 = 0.2;                 // measurements count that are at most this share of the past old
const LEAST: u32 = 8u;                   // and the latest ones in any case
const MOST_SLOPE: f32 = 0.96;            // largest c
const FOLLOW: f32 = 0.8;                 // power of c
const MOST_CHANGE: f32 = 1.5;            // largest factor between D and a solution
struct Control {
  measured: u32,                         // 1: `measure` is new
  guess: f32,                            // first D / first q
  rate: f32,                             // share of the way from D to the solution in a measurement
  spent: f32,                            // share of the window's learning rate before this step
  before: f32,                           // f before this step
  rest: f32,                             // rise of f that weights can still follow
  pace: f32,                             // slope of f over the learning rate spent, in the latest measurements
  decay: f32,                            // shrinkage of an idle weight in the window by weight decay, as a share
  calm: f32,                             // moves left / those of before, at an equal learning rate
  fraction: f32,                         // f after this step
}
struct Point { spent: f32, rank: f32, threshold: f32, spare: f32 }
struct State {
  threshold: f32,                        // d after this step
  goal: f32,                             // D
  points: f32,
  spare: f32,
  seen: array<Point>,
}
struct Move { now: f32, next: f32, tau: f32, spare: f32 }
@group(0) @binding(0) var<storage, read> control: Control;
@group(0) @binding(1) var<storage, read> measure: array<f32>;           // [1]
@group(0) @binding(2) var<storage, read_write> state: State;
@group(0) @binding(3) var<storage, read_write> moved: Move;

fn solution(points: u32) -> f32 {
  let here = state.seen[points - 1u];
  var first = 0u;
  while (state.seen[first].spent < (1.0 - WINDOW) * here.spent) {
    first++;
  }
  first = min(first, max(points, LEAST) - LEAST);
  if (here.spent < FROM || points - first < 3u) {
    return state.goal;
  }
  var mean = vec3(0.0);
  for (var i = first; i < points; i++) {
    let p = state.seen[i];
    mean += vec3(p.spent, p.rank, p.threshold);
  }
  mean /= f32(points - first);
  var spread = 0.0;
  var slope = vec2(0.0);                 // q' and d'
  for (var i = first; i < points; i++) {
    let p = state.seen[i];
    spread += (p.spent - mean.x) * (p.spent - mean.x);
    slope += (p.spent - mean.x) * (vec2(p.rank, p.threshold) - mean.yz);
  }
  slope /= spread;
  let left = 1.0 - here.spent;
  let decay = control.decay * here.rank;
  let c = select(0.0, clamp((slope.x + decay) / (slope.y + decay), 0.0, MOST_SLOPE), slope.y > 0.0);
  let follow = pow(c, FOLLOW);
  let idle = (1.0 - follow) * control.calm;
  // d' counts the moves of D too. Where weights follow closely, D would follow itself, so it is limited.
  let held = state.goal * control.pace;
  let speed = held * clamp(slope.y / max(held, 1e-30), clamp(2.0 * c - 0.4, 0.5, 1.0), 1.2);
  let total = control.before + control.rest;
  let rise = min(speed * control.rest / control.pace, state.goal * total - here.threshold);
  let end = here.rank + c * (follow * rise + idle * speed * left) - (1.0 - c) * decay * left;
  // The end moves with D too.
  let slack = 1.0 - c * (control.before + (follow + idle) * control.rest);
  let found = state.goal + (end - state.goal) / slack;
  return clamp(found, state.goal / MOST_CHANGE, state.goal * MOST_CHANGE);
}

@compute @workgroup_size(1)
fn main() {
  // All exponent bits are set for NaN and infinity, of diverged weights. Compilers may assume that floats are neither.
  if (control.measured != 0u && (bitcast<u32>(measure[0]) & 0x7f800000u) != 0x7f800000u) {
    let points = min(u32(state.points), POINTS - 1u);
    state.seen[points] = Point(control.spent, max(measure[0], 0.0), state.threshold, 0.0);
    state.points = f32(points + 1u);
    if (points == 0u) {
      state.goal = control.guess * state.seen[0].rank;
    }
    let found = solution(points + 1u);
    state.goal = state.goal + control.rate * (found - state.goal);
  }
  let now = state.threshold;
  let next = state.goal * control.fraction;
  state.threshold = next;
  moved = Move(now, next, next - now, 0.0);
}
