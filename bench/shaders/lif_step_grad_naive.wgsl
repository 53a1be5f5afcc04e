// Backward of one stage of lif_step_naive.wgsl with a sigmoid surrogate, one neuron per invocation.
//!include "lib/elements.wgsl"
const ITEMS_PER_INVOCATION: u32 = 1u;
const OP: u32 = 0u;                      //!spec   0 reset: writes gs and gh.  1 fire: adds to gh.  2 charge: writes gx and gv
struct Params {
  n: u32,
  at: u32,                   // index of the step's first element in h, s, dy and gx
  begin: u32,                // 1: the last step, which no gradient of v reaches
  k: f32, threshold: f32, alpha: f32,
}
@group(0) @binding(0) var<storage, read> h: array<f32>;
@group(0) @binding(1) var<storage, read> s: array<f32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> gs: array<f32>;
@group(0) @binding(4) var<storage, read_write> gh: array<f32>;
@group(0) @binding(5) var<storage, read_write> gv: array<f32>;
@group(0) @binding(6) var<storage, read_write> gx: array<f32>;
@group(0) @binding(7) var<uniform> params: Params;

fn element(i: u32) {
  let at = params.at + i;
  if (OP == 0u) {
    var up = 0.0;
    if (params.begin == 0u) {
      up = gv[i];
    }
    gh[i] = up * (1.0 - s[at]);
    gs[i] = dy[at] - up * h[at];
  } else if (OP == 1u) {
    let sharp = 1.0 / (1.0 + exp(-params.alpha * (h[at] - params.threshold)));
    gh[i] += gs[i] * params.alpha * sharp * (1.0 - sharp);
  } else {
    let g = gh[i];
    gx[at] = g * params.k;
    gv[i] = g - g * params.k;
  }
}
