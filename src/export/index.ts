// Public entry `espalier/export`: ONNX, TensorBoard and model cards. Separate, because it needs the protobuf library.
export * from "./card/index.ts";
export * from "./onnx/index.ts";
export * from "./tensorboard/index.ts";
