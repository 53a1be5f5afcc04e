// The threshold D at which a group becomes zero: the root of
//   f(D) = ||S(x, (1 - share) D)|| - share sqrt(n) D
// f is convex and falls, so that Newton's steps from 0 approach the root from below. With share 1 the first step is the root,
// the root mean square.
const STEPS: u32 = 16u;                  //!spec   1 where share is 1
const PER_GROUP: bool = false;           //!spec   one number for each group; false: one for each weight
const ABOVE: f32 = 1.000002;             // more than the rounding of the last step
struct Params { rows: u32, share: f32 }
@group(0) @binding(0) var<storage, read> values: array<f32>;
@group(0) @binding(1) var<storage, read> table: array<GroupRow>;
@group(0) @binding(2) var<storage, read_write> scores: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

// What is left of |x| at the threshold d.
fn rest(x: f32, d: f32) -> f32 {
  return abs(x) - carried(clamp(abs(x), 0.0, (1.0 - params.share) * d), x);
}

// The next D, from the sum of the rests and that of their squares.
fn newton(d: f32, sum: f32, squares: f32, n: u32) -> f32 {
  let norm = sqrt(squares);
  let limit = params.share * sqrt(f32(n));
  let slope = (1.0 - params.share) * sum / norm + limit;
  return select(d, d + (norm - limit * d) / slope, norm > 0.0);
}

// The threshold at which a weight becomes zero, by itself or with its group.
fn critical(x: f32, d: f32) -> f32 {
  let own = 1.0 - params.share;
  return carried(select(ABOVE * d, min(ABOVE * d, abs(x) / own), own > 0.0), x);
}
