// One step of a threshold d = D f, while D is searched, in two parts, and after.
// First part. q is the measured magnitude of the target's rank: if D equals the q of the end, the target's share ends at or below it.
// Three things move q. Weights that the loss needs follow the threshold, with a share c of its rise. Training moves weights, less so
// when the learning rate is small. Weight decay shrinks the others, by the share `decay` in the window. With the slopes q' and d' over
// the learning rate spent, in the latest measurements:
//   q' = c d' - (1 - c) decay q,   so   c = (q' + decay q) / (d' + decay q)
//   q of the end = q + c (c^0.8 rise + (1 - c^0.8) calm d' left) - (1 - c) decay q left,   rise = min(d' rest / pace, D - d)
// with d' near D pace, and D moves towards the solution of D = q of the end. The part of c beyond c^0.8 is due to random moves, which
// are calmer in the rest of the run. Of a group's magnitude, random moves are less by the root of its members. So in place of c^0.8,
//   follow = 1 - random (1 - c^0.8)
// Second part. Late in a run, logit(share of zeros) is nearly a line in ln(d), and D moves towards the d at which it is that of the target:
//   k = cov(ln d, logit share) / var(ln d),   ln D <- ln D + rate near (ln d + (logit target - logit share) / k - ln D)
// with near = max(0, 1 + ln(f) / 0.4), since a line that reaches far says little.
// The sums of k forget: the weight of a step falls by the share `gain` with each later one. The shares are the updates' counts.
const POINTS: u32 = 174u;                // most measurements
const FROM: f32 = 0.2;                   // share of the learning rate from which D moves: before, weights move for other reasons
const LEAST: u32 = 8u;                   // the latest measurements that count in any case
const MOST_SLOPE: f32 = 0.96;            // largest c
const FOLLOW: f32 = 0.8;                 // power of c
const WINDOW: f32 = 0.2;                 // measurements count that are at most this share of the past old
const IDLE: f32 = 1e-6;                  // variance of ln(d) that counts as none: then k keeps its value
const SLOPES = vec2(0.2, 4.0);           // smallest and largest k
const REACH: f32 = 0.4;                  // largest ln(D / d) over which the line says something
const MOST_CHANGE: f32 = 1.5;            // largest factor between D and a solution
struct Control {
  searches: u32,                         // 1: D may move
  measured: u32,                         // 1: `measure` is new, in the first part
  lines: u32,                            // 1: the second part
  held_from: f32,                        // the step after this one, if it is the last of the search, or 0
  guess: f32,                            // first D / first q
  rate: f32,                             // share of the way from D to the solution in a measurement, or to what the line says
  spent: f32,                            // share of the window's learning rate before this step
  before: f32,                           // f before this step
  rest: f32,                             // rise of f that weights can still follow
  pace: f32,                             // slope of f over the learning rate spent, in the latest measurements
  random: f32,                           // random part of the moves of a magnitude, of that of a single weight
  decay: f32,                            // shrinkage of an idle weight in the window by weight decay, as a share
  calm: f32,                             // moves left / those of before, at an equal learning rate
  fraction: f32,                         // f after this step
  wanted: f32,                           // logit(target)
  total: f32,                            // weights, or groups of weights
  gain: f32,                             // weight of the latest step in the line
}
struct Point { spent: f32, rank: f32, threshold: f32, spare: f32 }
struct State {
  threshold: f32,                        // d after this step
  goal: f32,                             // D
  points: f32,
  held_from: f32,                        // step from which D is held, 0 during the search
  mean: vec2f,                           // of ln(d) and logit(share) in the line
  spread: vec2f,                         // variance of ln(d), covariance
  slope: f32,                            // k
  steps: f32,                            // in the line
  live: f32,                             // weights that are not zero
  seen: array<Point>,
}
// One dispatch for each chunk of parameters, in order.
struct Params { from_count: u32, layers: u32, first: u32, last: u32 }
struct Move { now: f32, next: f32, tau: f32, spare: f32 }
@group(0) @binding(0) var<storage, read> control: Control;
@group(0) @binding(1) var<storage, read> measure: array<f32>;           // [1]
@group(0) @binding(2) var<storage, read> counts: array<u32>;            // live weights of each layer, from `from_count`
@group(0) @binding(3) var<storage, read_write> state: State;
@group(0) @binding(4) var<storage, read_write> moved: Move;
@group(0) @binding(5) var<uniform> params: Params;

// Returns D by the measurements.
fn solve(points: u32) -> f32 {
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
  let follow = 1.0 - control.random * (1.0 - pow(c, FOLLOW));
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
  return clamp(found, state.goal / MOST_CHANGE, state.goal * MOST_CHANGE);
}

// Adds the measurement, and returns D by all of them.
fn measured() -> f32 {
  let points = min(u32(state.points), POINTS - 1u);
  state.seen[points] = Point(control.spent, max(measure[0], 0.0), state.threshold, 0.0);
  state.points = f32(points + 1u);
  if (points == 0u) {
    state.goal = control.guess * state.seen[0].rank;
  }
  return solve(points + 1u);
}

// Adds the latest step to the line.
fn fit(point: vec2f) {
  state.steps += 1.0;
  let gain = max(control.gain, 1.0 / state.steps);
  let away = point - state.mean;
  state.mean += gain * away;
  state.spread = (1.0 - gain) * (state.spread + gain * away.x * away);
  let slope = (state.spread.y + IDLE * state.slope) / (state.spread.x + IDLE);
  state.slope = clamp(slope, SLOPES.x, SLOPES.y);
}

fn search() {
  // All exponent bits are set for NaN and infinity, of diverged weights. Compilers may assume that floats are neither.
  if (control.measured != 0u && (bitcast<u32>(measure[0]) & 0x7f800000u) != 0x7f800000u) {
    let found = measured();              // it sets the first D
    state.goal += control.rate * (found - state.goal);
  }
  let zeros = control.total - state.live;
  if (state.threshold > 0.0 && zeros >= 1.0 && state.live >= 1.0) {
    let point = vec2(log(state.threshold), log(zeros / state.live));
    fit(point);
    if (control.lines != 0u) {
      let found = exp(point.x + (control.wanted - point.y) / state.slope);
      let far = clamp(found, state.goal / MOST_CHANGE, state.goal * MOST_CHANGE) / state.goal;
      let near = max(0.0, 1.0 + log(control.before) / REACH);
      state.goal *= pow(far, control.rate * near);
    }
  }
  state.held_from = control.held_from;
}

@compute @workgroup_size(1)
fn main() {
  var live = select(state.live, 0.0, params.first != 0u);
  for (var i = 0u; i < params.layers; i++) {
    live += f32(counts[params.from_count + i]);
  }
  state.live = live;
  if (params.last == 0u) {
    return;
  }
  if (control.searches != 0u && state.held_from == 0.0) {
    search();
  }
  let now = state.threshold;
  let next = state.goal * control.fraction;
  state.threshold = next;
  moved = Move(now, next, next - now, 0.0);
}
