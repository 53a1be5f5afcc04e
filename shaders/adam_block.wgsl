// Adam, AMSGrad and AdamW with a sparse-group soft threshold on blocks of weights.
//!include "lib/update_blocks.wgsl"
//!include "lib/group_adaptive.wgsl"
//!include "lib/adam_step.wgsl"
