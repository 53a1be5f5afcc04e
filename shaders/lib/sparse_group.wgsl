// The sparse-group soft threshold of a group with n members:
//   u = sign(x) max(|x| - d1, 0);   y = u max(0, 1 - d2 sqrt(n) / ||u||)
// It is the prox of d1 |x| + d2 sqrt(n) ||x||. Like S(), it acts in phase PRUNE only.
// Source: Friedman, Hastie and Tibshirani 2010, "A note on the group lasso and a sparse group lasso".
//!include "lib/soft_threshold.wgsl"
fn soft(x: f32, d: f32) -> f32 {
  return select(x, x - carried(clamp(x, -d, d), d), prunes);
}

// max(0, 1 - d2 sqrt(n) / ||u||), from the sum of the squares of u. Exactly 1 where d2 is 0: small squares may round to 0.
fn group_factor(squares: f32, n: u32, d2: f32) -> f32 {
  let limit = d2 * sqrt(f32(n));
  let norm = sqrt(squares);
  let factor = select(0.0, 1.0 - limit / norm, norm > limit);
  return carried(select(factor, 1.0, !prunes || limit == 0.0 || is_nonfinite(norm)), squares);
}

// u times the factor of its group. The zeros of a pruned group are +0.
fn shrunk(u: f32, factor: f32) -> f32 {
  return select(u * factor, 0.0, factor == 0.0);
}

// d2 sqrt(n) (u · dy) / ||u||^3, the second part of the gradient of a group by u.
fn group_turn(squares: f32, n: u32, d2: f32, along: f32) -> f32 {
  let limit = d2 * sqrt(f32(n));
  return select(0.0, limit * along / (squares * sqrt(squares)), limit != 0.0 && squares > 0.0 && !is_nonfinite(squares));
}

// Gradient of a weight. is_open: |x| > d1.
fn group_gradient(u: f32, dy: f32, factor: f32, turn: f32, is_open: bool) -> f32 {
  return select(0.0, factor * dy + select(turn * u, 0.0, turn == 0.0), is_open && factor != 0.0);
}
