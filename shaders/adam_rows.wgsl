// Adam, AMSGrad and AdamW with a sparse-group soft threshold on filters or neurons.
//!include "lib/update_rows.wgsl"
//!include "lib/group_adaptive.wgsl"
//!include "lib/adam_step.wgsl"
