// The export room: what others read. An entry of its own, since it brings the protobuf library along.
export * from "./card/index.ts";
export * from "./onnx/index.ts";
export * from "./tensorboard/index.ts";
