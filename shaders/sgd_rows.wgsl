// SGD with a sparse-group soft threshold on filters or neurons.
//!include "lib/update_rows.wgsl"
//!include "lib/group_sgd.wgsl"
