// All names of the engine, for the hosts, the demo and the tools of this repository. Published as `espalier/internal`, without any promise.
export * from "./autograd/index.ts";
export * from "./data/index.ts";
export {
  type AdapterReport,
  CaptureError,
  configureTuning,
  currentGpu,
  DisposedError,
  debugLevel,
  Gpu,
  GpuHangError,
  GpuLostError,
  type GpuOptions,
  grid1d,
  groups1d,
  Kernel,
  KernelError,
  type KernelTime,
  kernel,
  type MemoryAtFailure,
  MemoryError,
  OpError,
  onWarning,
  requestGpu,
  setCurrentGpu,
  type TuneMode,
  type TuneReport,
  type TuneStore,
  type WatchdogLimit,
} from "./gpu/index.ts";
export * from "./io/index.ts";
export * from "./models/index.ts";
export * from "./nn/index.ts";
export { enableNaiveConvolution } from "./ops/conv/naive.ts";
export * from "./ops/index.ts";
export * from "./optim/index.ts";
export * from "./prune/index.ts";
export * from "./tensor/index.ts";
export { ArgumentError, EspalierError, VERSION } from "./text/index.ts";
export * from "./train/index.ts";
