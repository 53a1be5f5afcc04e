// One step of a threshold d = D f, while D is searched and after. q is the measured magnitude of the target's rank: if D equals the
// q of the end, the target's share ends at or below it. Three things move q. Weights that the loss needs follow the threshold, with
// a share c of its rise. Training moves weights, less so when the learning rate is small. Weight decay shrinks the others, by the
// share `decay` in the window. With the slopes q' and d' over the learning rate spent, in the latest measurements:
//   q' = c d' - (1 - c) decay q,   so   c = (q' + decay q) / (d' + decay q)
//   q of the end = q + c (c^0.8 rise + (1 - c^0.8) calm d' left) - (1 - c) decay q left,   rise = min(d' rest / pace, D - d)
// with d' near D pace, and D moves towards the solution of D = q of the end. The part of c beyond c^0.8 is due to random moves, which
// are calmer in the rest of the run. In the longer part of the search, close = 0.96 of it is left, since the latest weights follow less.
// Of a group's magnitude, random moves are less by the root of its members. So in place of c^0.8,
//   follow = 1 - random (1 - close c^0.8)
// The search ends where the q of the end is at most `STILL` D from here, or at the latest in the step that `control` names.
const POINTS: u32 = 174u;                // most measurements of a search
const FROM: f32 = 0.2;                   // share of the learning rate from which D moves: before, weights move for other reasons
const LEAST: u32 = 8u;                   // the latest measurements that count in any case
const RATE_OF_LAST: f32 = 0.3;           // a whole step could raise the threshold at once so far that the network breaks
const STILL: f32 = 0.1;                  // rest of the moves of q, in units of D, that a prediction may contain
const MOST_SLOPE: f32 = 0.96;            // largest c
const FOLLOW: f32 = 0.8;                 // power of c
const MOST_CHANGE: f32 = 1.5;            // largest factor between D and a solution
struct Control {
  measured: u32,                         // 1: `measure` is new
  ends: u32,                             // 1: the search may end with this measurement, 2: it does
  held_from: f32,                        // the step after this one
  guess: f32,                            // first D / first q
  rate: f32,                             // share of the way from D to the solution in a measurement
  spent: f32,                            // share of the window's learning rate before this step
  before: f32,                           // f before this step
  rest: f32,                             // rise of f that weights can still follow
  pace: f32,                             // slope of f over the learning rate spent, in the latest measurements
  window: f32,                           // measurements count that are at most this share of the past old
  close: f32,                            // follow / c^0.8 of single weights
  random: f32,                           // random part of the moves of a magnitude, of that of a single weight
  decay: f32,                            // shrinkage of an idle weight in the window by weight decay, as a share
  calm: f32,                             // moves left / those of before, at an equal learning rate
  fraction: f32,                         // f after this step
}
struct Point { spent: f32, rank: f32, threshold: f32, spare: f32 }
struct State {
  threshold: f32,                        // d after this step
  goal: f32,                             // D
  points: f32,
  held_from: f32,                        // step from which D is held, 0 during the search
  seen: array<Point>,
}
struct Move { now: f32, next: f32, tau: f32, spare: f32 }
@group(0) @binding(0) var<storage, read> control: Control;
@group(0) @binding(1) var<storage, read> measure: array<f32>;           // [1]
@group(0) @binding(2) var<storage, read_write> state: State;
@group(0) @binding(3) var<storage, read_write> moved: Move;

struct Outcome { goal: f32, moves: f32 } // solution, and the moves of q until the end, by the prediction; -1: unknown

fn solve(points: u32) -> Outcome {
  let here = state.seen[points - 1u];
  var first = 0u;
  while (state.seen[first].spent < (1.0 - control.window) * here.spent) {
    first++;
  }
  first = min(first, max(points, LEAST) - LEAST);
  if (here.spent < FROM || points - first < 3u) {
    return Outcome(state.goal, -1.0);
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
  let follow = 1.0 - control.random * (1.0 - control.close * pow(c, FOLLOW));
  let idle = (1.0 - follow) * control.calm;
  // d' counts the moves of D too. Where weights follow closely, D would follow itself, so it is limited.
  let held = state.goal * control.pace;
  let speed = held * clamp(slope.y / max(held, 1e-30), clamp(2.0 * c - 0.4, 0.5, 1.0), 1.2);
  let total = control.before + control.rest;
  let rise = min(speed * control.rest / control.pace, state.goal * total - here.threshold);
  let followed = c * (follow * rise + idle * speed * left);
  let shrunk = (1.0 - c) * decay * left;
  let end = here.rank + followed - shrunk;
  // The end moves with D too.
  let slack = 1.0 - c * (control.before + (follow + idle) * control.rest);
  let found = state.goal + (end - state.goal) / slack;
  return Outcome(clamp(found, state.goal / MOST_CHANGE, state.goal * MOST_CHANGE), abs(followed) + shrunk);
}

@compute @workgroup_size(1)
fn main() {
  if (control.measured != 0u && state.held_from == 0.0) {
    var ends = control.ends == 2u;
    // All exponent bits are set for NaN and infinity, of diverged weights. Compilers may assume that floats are neither.
    if ((bitcast<u32>(measure[0]) & 0x7f800000u) != 0x7f800000u) {
      let points = min(u32(state.points), POINTS - 1u);
      state.seen[points] = Point(control.spent, max(measure[0], 0.0), state.threshold, 0.0);
      state.points = f32(points + 1u);
      if (points == 0u) {
        state.goal = control.guess * state.seen[0].rank;
      }
      let found = solve(points + 1u);
      ends = ends || (control.ends == 1u && found.moves >= 0.0 && found.moves <= STILL * state.goal);
      state.goal = state.goal + select(control.rate, RATE_OF_LAST, ends) * (found.goal - state.goal);
    }
    state.held_from = select(0.0, control.held_from, ends);
  }
  let now = state.threshold;
  let next = state.goal * control.fraction;
  state.threshold = next;
  moved = Move(now, next, next - now, 0.0);
}
