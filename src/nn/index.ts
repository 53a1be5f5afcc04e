// The nn room: modules with PyTorch's names around the ops.
export * from "./activation.ts";
export { checkpointActivations } from "./activation_checkpoint.ts";
export { Flatten, Identity, Sequential } from "./containers.ts";
export { Conv2d, type Conv2dConfig } from "./conv.ts";
export { ConvTranspose2d, type ConvTranspose2dConfig } from "./conv_transpose.ts";
export { Dropout, StochasticDepth } from "./dropout.ts";
export { Embedding, type EmbeddingConfig } from "./embedding.ts";
export { DirectEncoder, LatencyEncoder, PoissonEncoder, WeightedPhaseEncoder } from "./encoder.ts";
export { foldNorm } from "./fold_norm.ts";
export {
  constantInit,
  defaultWeightInit,
  fanIn,
  type Initializer,
  kaimingNormalInit,
  manualSeed,
  normalInit,
  uniformInit,
} from "./init.ts";
export { type InputShape, type InputShapes, metaInputs } from "./input_shapes.ts";
export { Linear, type LinearConfig } from "./linear.ts";
export * from "./load_state.ts";
export { MixedConv2d, type MixedConvConfig } from "./mixed_conv.ts";
export { Module, type StateDict } from "./module.ts";
export { ModuleDict, ModuleList } from "./module_list.ts";
export { MultiStepDropout } from "./multi_step_dropout.ts";
export {
  IFNode,
  type LIFConfig,
  LIFNode,
  type NodeConfig,
  ParametricLIFNode,
  resetNet,
  type SpikeEvent,
  SpikingNode,
} from "./neuron.ts";
export { BatchNorm1d, BatchNorm2d, type BatchNormConfig } from "./norm.ts";
export { LazyTensor, Parameter, StateBuffer } from "./parameter.ts";
export { AdaptiveAvgPool2d, AvgPool2d, LocalResponseNorm, MaxPool2d } from "./pool.ts";
export { RandomState } from "./random_state.ts";
export { GroupNorm, type GroupNormConfig, LayerNorm, type LayerNormConfig } from "./row_norm.ts";
export { SeqToANNContainer } from "./seq_to_ann.ts";
export type { SparseLayerInfo } from "./sparse_layer.ts";
export { SPARSE_KERNELS, type SparseKernels, type SparseModel, type SparsifyOptions, sparsify } from "./sparsify.ts";
export { SqueezeExcitation, squeezeExcite } from "./squeeze_excitation.ts";
export { type LayerSummary, type ModelSummary, summarize } from "./summary.ts";
export { foldTime, unfoldTime } from "./time.ts";
export {
  type ModuleTrace,
  overrideMethod,
  type TracedStep,
  traceModule,
  type Undo,
  watchModule,
} from "./trace_steps.ts";
export { Upsample } from "./upsample.ts";
