// ONNX files of models.
export { exportOnnx, type OnnxOptions } from "./export_onnx.ts";
