// Sizes of one correlation, src/ops/conv/correlation.ts: a forward pass, or one phase of an input gradient.
struct Params {
  batch: u32,
  groups: u32,
  reduced: u32,              // channels of x per group
  written: u32,              // channels of y per group
  source: vec2<u32>,         // rows and columns of x; likewise below
  pixels: vec2<u32>,         // those of y that this dispatch writes
  plane: vec2<u32>,          // all of y
  y_step: vec2<u32>,         // from one written pixel to the next
  y_start: vec2<u32>,
  taps: vec2<u32>,
  x_step: vec2<u32>,         // x pixels per written pixel
  x_start: vec2<i32>,        // x pixel under tap 0 of written pixel 0
  spread: vec2<u32>,         // x pixels per tap
  w_tap: vec2<i32>,          // strides of w, in elements
  w_written: u32,
  w_reduced: u32,
  w_group: u32,
  w_start: u32,
  has_bias: u32,
}
