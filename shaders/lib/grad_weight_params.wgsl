// Sizes of a weight gradient whose sum over dy is cut in slices.
struct Params {
  x_shape: vec4<u32>,        // N, C, H, W
  y_shape: vec4<u32>,        // N, O, OH, OW
  kernel: vec2<u32>,         // rows, columns; likewise below
  stride: vec2<u32>,
  padding: vec2<u32>,
  dilation: vec2<u32>,
  groups: u32,
  slices: u32,               // of dy; by blocks of columns too in the depthwise kernel
  slice: u32,                // of dy per slice: tiles, rows or pixels, as the kernel walks
}
