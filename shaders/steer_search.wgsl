// One step of a threshold d = D f, while D is searched and after. q is the measured magnitude of the target's rank: if D equals the
// q of the end, the target's share ends at or below it. Two things move q: weights that the loss needs follow the
// threshold, and steps move weights at random, less so when the learning rate is small. With c the slope of q over d in the
// latest measurements,
//   q of the end = q + c (D f - d) + w c D rest,   w = c^0.6 + (1 - c^0.6) calm
// so that D = (q - c d) / (1 - c (f + w rest)).
const POINTS: u32 = 130u;                // most measurements of a search
const FROM: f32 = 0.2;                   // share of the learning rate from which D moves: before, weights move for other reasons
const WINDOW: f32 = 0.6;                 // measurements count that are at most this share of the past old
const MOST_SLOPE: f32 = 0.96;            // largest c
const MOST_CHANGE: f32 = 1.5;            // largest factor between D and a solution
struct Control {
  measured: u32,                         // 1: `measure` is new
  guess: f32,                            // first D / first q
  rate: f32,                             // share of the way from D to the solution in a measurement
  spent: f32,                            // share of the window's learning rate before this step
  before: f32,                           // f before this step
  rest: f32,                             // rise of f that weights can still follow
  calm: f32,                             // random moves left / those of before, at an equal learning rate
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
  if (here.spent < FROM || points - first < 3u) {
    return state.goal;
  }
  // Slopes of q and d over the learning rate spent, without their common factor.
  var mean = vec3(0.0);
  for (var i = first; i < points; i++) {
    let p = state.seen[i];
    mean += vec3(p.spent, p.rank, p.threshold);
  }
  mean /= f32(points - first);
  var slope = vec2(0.0);
  for (var i = first; i < points; i++) {
    let p = state.seen[i];
    slope += (p.spent - mean.x) * (vec2(p.rank, p.threshold) - mean.yz);
  }
  let c = select(0.0, clamp(slope.x / slope.y, 0.0, MOST_SLOPE), slope.y > 0.0);
  let w = mix(control.calm, 1.0, pow(c, 0.6));
  let found = (here.rank - c * here.threshold) / (1.0 - c * (control.before + w * control.rest));
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
