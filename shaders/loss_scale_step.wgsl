// Moves the loss scale after a step: half of it after an overflow, twice after GROWTH good steps in a row. Scales are powers of
// two, so that scaling and its inverse are exact.
const LEAST: f32 = 1.0;
const MOST: f32 = 0x1p+24f;
struct Scale { scale: f32, inverse: f32, good: f32, skipped: f32 }           // good steps since the last change; steps skipped
struct Params { growth: f32 }
@group(0) @binding(0) var<storage, read_write> scale: Scale;
@group(0) @binding(1) var<storage, read_write> guard: array<u32>;            // [4]: see loss_scale_check.wgsl
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(1)
fn main() {
  var s = scale;
  if (guard[0] != 0xffffffffu) {
    return;
  }
  if (guard[1] != 0u) {
    s.good = 0.0;
    s.skipped += 1.0;
    if (s.scale > LEAST) {
      s.scale *= 0.5;
      s.inverse *= 2.0;
    }
  } else {
    s.good += 1.0;
    if (s.good >= params.growth) {
      s.good = 0.0;
      if (s.scale < MOST) {
        s.scale *= 2.0;
        s.inverse *= 0.5;
      }
    }
  }
  scale = s;
  guard[3] = guard[1];
  guard[1] = 0u;
}
