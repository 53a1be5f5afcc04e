// Reads the weights of an ONNX file, such as one that this page wrote. Loaded when first used.
import { fromBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema, TensorProto_DataType } from "onnx-buf";

interface Weight {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** Read the initializers with these names. Throws naming the file if it is no ONNX model, or the weight that is not of floats. */
export function onnxWeights(bytes: Uint8Array, name: string, wanted: ReadonlySet<string>): Map<string, Weight> {
  let initializers: ReturnType<typeof initializersOf>;
  try {
    initializers = initializersOf(bytes);
  } catch {
    throw new Error(`${name}: it is no ONNX model, or it is damaged`);
  }
  const weights = new Map<string, Weight>();
  for (const { name: key, dims, dataType, rawData } of initializers) {
    if (!wanted.has(key)) continue;
    if (dataType !== TensorProto_DataType.FLOAT) throw new Error(`${name}: ${key}: expected 32-bit floats`);
    const shape = dims.map(Number);
    const expected = 4 * shape.reduce((a, b) => a * b, 1);
    if (rawData.length !== expected)
      throw new Error(`${name}: ${key}: expected ${expected} bytes, got ${rawData.length}`);
    weights.set(key, { shape, data: new Float32Array(rawData.slice().buffer) });
  }
  return weights;
}

const initializersOf = (bytes: Uint8Array) => fromBinary(ModelProtoSchema, bytes).graph?.initializer ?? [];
