// Adam, AMSGrad and AdamW, with thresholds on single weights.
//!include "lib/adaptive.wgsl"
//!include "lib/adam_step.wgsl"
