// Source positions of resampled images: nearest, or two neighbours with weights (PyTorch's formulas).
const BILINEAR: bool = false;            //!spec
const ALIGNED: bool = false;             //!spec   the centres of the corner pixels coincide
const RATIONAL: bool = true;             //!spec   nearest: by integers, exact; else by the ratio
struct Params {
  n: u32,
  input: vec2<u32>,          // H, W
  output: vec2<u32>,         // OH, OW
  ratio: vec2<f32>,          // source pixels per output pixel
}

// The two source pixels of one output pixel on one axis, and the weight of the second.
struct Taps { low: u32, high: u32, share: f32 }

fn taps(out: u32, input: u32, output: u32, ratio: f32) -> Taps {
  if (BILINEAR) {
    var at = f32(out) * ratio;
    if (!ALIGNED) {
      at = max((f32(out) + 0.5) * ratio - 0.5, 0.0);
    }
    let low = min(u32(at), input - 1u);
    return Taps(low, min(low + 1u, input - 1u), at - f32(low));
  }
  var low = u32(f32(out) * ratio);
  if (RATIONAL) {
    low = out * input / output;
  }
  low = min(low, input - 1u);
  return Taps(low, low, 0.0);
}
