// Public entry `espalier/export`: ONNX, TensorBoard and model cards. Separate, because it needs the protobuf library.
export { type CardEngine, type ModelCardFacts, modelCard } from "./card/model_card.ts";
export { type CalibrateOptions, calibrateInt8, type Int8Calibration, type Int8Scale } from "./int8/calibrate.ts";
export { simulateInt8 } from "./int8/simulate.ts";
export { exportNir, type NirOptions } from "./nir/export_nir.ts";
export { importNir, type NirNetwork } from "./nir/import_nir.ts";
export type { ImportNirOptions } from "./nir/layers.ts";
export { exportOnnx, type OnnxOptions } from "./onnx/export_onnx.ts";
export type { OnnxAttribute, OnnxAttributes } from "./onnx/graph.ts";
export type { OnnxOp, OnnxRule } from "./onnx/rule.ts";
export type { OnnxShape, OnnxSize } from "./onnx/shape.ts";
export {
  type EventFileOptions,
  type EventImage,
  type EventValue,
  encodeEvents,
  eventFileName,
  type TensorBoardEvent,
} from "./tensorboard/events.ts";
export { type Histogram, histogram } from "./tensorboard/histogram.ts";
export { tensorboardEvents, weightEvents } from "./tensorboard/run_events.ts";
