// One step's numbers into a ring that the host reads now and then, and the guard: the first step whose loss is not
// finite is written down, and the update of that step and all later ones leaves the weights alone.
const ADDS: bool = false;                //!spec   the samples are a part of the step's: they join those of the parts before
const SCALED: bool = false;              //!spec   the loss is scaled (loss_scale_step.wgsl): a bad one skips the step
const LEAST: f32 = 1.0;                  // smallest scale: with it, a bad loss is an error
struct Params { samples: u32, slots: u32 }
@group(0) @binding(0) var<storage, read> loss: array<f32>;              // [1]
@group(0) @binding(1) var<storage, read> correct: array<f32>;           // [1]
@group(0) @binding(2) var<storage, read> step: array<u32>;              // [1]
@group(0) @binding(3) var<storage, read_write> ring: array<f32>;        // [slots, 4]: loss, correct, samples, scale
@group(0) @binding(4) var<storage, read_write> guard: array<u32>;       // [1], with a scale [4]: see loss_scale_check.wgsl
@group(0) @binding(5) var<storage, read> part: array<f32>;              // [2]: share of the step, 0 for its first part
@group(0) @binding(6) var<storage, read> scale: array<f32>;             // [4] if the loss is scaled
@group(0) @binding(7) var<uniform> params: Params;

@compute @workgroup_size(1)
fn main() {
  let slot = (step[0] % params.slots) * 4u;
  var numbers = vec3(loss[0], correct[0], f32(params.samples));
  if (ADDS) {
    numbers.x *= part[0];
    if (part[1] != 0.0) {
      numbers += vec3(ring[slot], ring[slot + 1u], ring[slot + 2u]);
    }
  }
  ring[slot] = numbers.x;
  ring[slot + 1u] = numbers.y;
  ring[slot + 2u] = numbers.z;
  // Exponent bits all set: NaN or infinity. Compilers may assume that floats are never NaN, integers are safe.
  let finite = (bitcast<u32>(loss[0]) & 0x7f800000u) != 0x7f800000u;
  if (SCALED) {
    ring[slot + 3u] = scale[0];
    if (!finite) {
      guard[1] = 1u;
    }
  }
  let is_error = !finite && (!SCALED || scale[0] <= LEAST);
  if (is_error && guard[0] == 0xffffffffu) {
    guard[0] = step[0];
  }
}
