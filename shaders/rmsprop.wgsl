// RMSProp, with thresholds on single weights.
//!include "lib/adaptive.wgsl"
//!include "lib/rmsprop_step.wgsl"
