// The gpu folder: device, memory, kernels, the command stream. It has no notion of a tensor.

export { type AdapterReport, isSoftware } from "./adapter_report.ts";
export { Arena, sizeClass } from "./buffer_pool.ts";
export { changeDebug, checksNan, type DebugSettings, debugLevel, debugLog, onCheckedDevice } from "./debug.ts";
export { currentGpu, Gpu, type GpuOptions, requestGpu, setCurrentGpu } from "./device.ts";
export { devicePart } from "./device_parts.ts";
export { type Lavapipe, lavapipe, MESA_26_1 } from "./driver_traits.ts";
export { GENERIC_ADAPTER, openDryGpu } from "./dry_device.ts";
export {
  CaptureError,
  DisposedError,
  expectOptions,
  GpuHangError,
  GpuLostError,
  KernelError,
  type MemoryAtFailure,
  MemoryError,
  OpError,
  type OpOperand,
} from "./errors.ts";
export { type Grid, grid1d, groups1d } from "./grid.ts";
export { type Bindable, type Dispatch, Kernel, kernel } from "./kernel.ts";
export type { MatrixShape } from "./matrices.ts";
export { buffersOf, settleArena } from "./memory_plan.ts";
export { type BufferView, PooledBuffer } from "./pooled_buffer.ts";
export type { KernelTime } from "./profile.ts";
export type { Command } from "./stream.ts";
export type { Candidate, Trial, TuneStore } from "./tune_trial.ts";
export {
  type Choice,
  configureTuning,
  type TuneMode,
  type TuneReport,
  Tuner,
  tuneClass,
} from "./tuner.ts";
export { onWarning, warnOnce } from "./warn.ts";
export type { WatchdogLimit } from "./watchdog.ts";
export { applySpec, readHeader, type Spec } from "./wgsl.ts";
export { readStruct, WgslStruct } from "./wgsl_struct.ts";
