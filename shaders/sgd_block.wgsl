// SGD with a sparse-group soft threshold on blocks of weights.
//!include "lib/update_blocks.wgsl"
//!include "lib/group_sgd.wgsl"
