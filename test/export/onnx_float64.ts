// Computes an ONNX graph of a convolutional network in float64, node by node, as the operators are defined. A reference for files
// with QuantizeLinear: its input and quotient are float32,
// as the operator is defined on float tensors; all else is double precision.
import { fromBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema, type NodeProto, type TensorProto, TensorProto_DataType } from "onnx-buf";

export interface Value {
  readonly data: Float64Array;
  readonly shape: readonly number[];
}

const value = (shape: readonly number[], at: (i: number) => number): Value => ({
  shape,
  data: Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => at(i)),
});

function initializer({ dataType, dims, rawData }: TensorProto): Value {
  const bytes = rawData.slice().buffer;
  const kinds: Partial<Record<TensorProto_DataType, ArrayLike<number | bigint>>> = {
    [TensorProto_DataType.FLOAT]: dataType === TensorProto_DataType.FLOAT ? new Float32Array(bytes) : [],
    [TensorProto_DataType.INT8]: new Int8Array(bytes),
    [TensorProto_DataType.INT32]: dataType === TensorProto_DataType.INT32 ? new Int32Array(bytes) : [],
    [TensorProto_DataType.INT64]: dataType === TensorProto_DataType.INT64 ? new BigInt64Array(bytes) : [],
  };
  const data = kinds[dataType as TensorProto_DataType];
  if (!data) throw new Error(`initializer of type ${dataType}`);
  return { shape: dims.map(Number), data: Float64Array.from(data, Number) };
}

function roundEven(v: number): number {
  const whole = Math.round(v);
  return Math.abs(v % 1) === 0.5 && whole % 2 !== 0 ? whole - 1 : whole;
}

type Attributes = Record<string, { i: bigint; ints: bigint[] }>;
const ints = (a: Attributes, name: string, otherwise: number[]) => a[name]?.ints.map(Number) ?? otherwise;

/** Calls `visit` with each place of each window: output index, input index. */
function windows(x: Value, a: Attributes, group: { channels: number; from: (o: number) => number }, outputs: number) {
  const [n = 0, channels = 0, h = 0, w = 0] = x.shape;
  const [kh = 1, kw = 1] = ints(a, "kernel_shape", []);
  const [sh = 1, sw = 1] = ints(a, "strides", [1, 1]);
  const [top = 0, left = 0, bottom = 0, right = 0] = ints(a, "pads", [0, 0, 0, 0]);
  const oh = Math.floor((h + top + bottom - kh) / sh) + 1;
  const ow = Math.floor((w + left + right - kw) / sw) + 1;
  const visit = (each: (out: number, o: number, tap: number, input: number) => void) => {
    for (let b = 0; b < n; b++)
      for (let o = 0; o < outputs; o++)
        for (let p = 0; p < oh * ow; p++)
          for (let tap = 0; tap < group.channels * kh * kw; tap++) {
            const c = group.from(o) + Math.floor(tap / (kh * kw));
            const y = Math.floor(p / ow) * sh - top + (Math.floor(tap / kw) % kh);
            const z = (p % ow) * sw - left + (tap % kw);
            if (y < 0 || y >= h || z < 0 || z >= w) continue;
            each((b * outputs + o) * oh * ow + p, o, tap, ((b * channels + c) * h + y) * w + z);
          }
  };
  return { shape: [n, outputs, oh, ow], visit };
}

function conv([x, w, bias]: Value[], a: Attributes): Value {
  const [outputs = 0, perGroup = 0] = w!.shape;
  const groups = Number(a["group"]?.i ?? 1n);
  const from = (o: number) => Math.floor((o * groups) / outputs) * perGroup;
  const { shape, visit } = windows(x!, a, { channels: perGroup, from }, outputs);
  const pixels = shape[2]! * shape[3]!;
  const y = value(shape, (i) => bias?.data[Math.floor(i / pixels) % outputs] ?? 0);
  const taps = w!.data.length / outputs;
  visit((out, o, tap, input) => {
    y.data[out] = y.data[out]! + w!.data[o * taps + tap]! * x!.data[input]!;
  });
  return y;
}

function maxPool([x]: Value[], a: Attributes): Value {
  const { shape, visit } = windows(x!, a, { channels: 1, from: (o) => o }, x!.shape[1]!);
  const y = value(shape, () => Number.NEGATIVE_INFINITY);
  visit((out, _o, _tap, input) => {
    y.data[out] = Math.max(y.data[out]!, x!.data[input]!);
  });
  return y;
}

/** Average of windows without padding. */
function averagePool([x]: Value[], a: Attributes): Value {
  const { shape, visit } = windows(x!, a, { channels: 1, from: (o) => o }, x!.shape[1]!);
  const taps = ints(a, "kernel_shape", []).reduce((b, c) => b * c, 1);
  const y = value(shape, () => 0);
  visit((out, _o, _tap, input) => {
    y.data[out] = y.data[out]! + x!.data[input]! / taps;
  });
  return y;
}

function gemm([x, w, bias]: Value[]): Value {
  const [n = 0, k = 0] = x!.shape;
  const outputs = w!.shape[0]!;
  return value([n, outputs], (i) => {
    let sum = bias?.data[i % outputs] ?? 0;
    for (let j = 0; j < k; j++) sum += x!.data[Math.floor(i / outputs) * k + j]! * w!.data[(i % outputs) * k + j]!;
    return sum;
  });
}

function reshape([x, shape]: Value[]): Value {
  const sizes = [...shape!.data];
  const known = sizes.filter((d) => d > 0).reduce((a, b) => a * b, 1);
  return { data: x!.data, shape: sizes.map((d) => (d === -1 ? x!.data.length / known : d)) };
}

/** Mean over the last two axes. */
function mean([x]: Value[], a: Attributes): Value {
  const [n = 0, c = 0, h = 0, w = 0] = x!.shape;
  if (ints(a, "axes", [2, 3]).join() !== "2,3") throw new Error("expected a mean over height and width");
  const size = h * w;
  return value(
    a["keepdims"]?.i === 0n ? [n, c] : [n, c, 1, 1],
    (i) => x!.data.subarray(i * size, (i + 1) * size).reduce((a, b) => a + b, 0) / size,
  );
}

const operators: Record<string, (inputs: Value[], attributes: Attributes) => Value> = {
  Conv: conv,
  Gemm: gemm,
  MaxPool: maxPool,
  AveragePool: averagePool,
  Reshape: reshape,
  GlobalAveragePool: mean,
  ReduceMean: mean,
  Tanh: ([x]) => value(x!.shape, (i) => Math.tanh(x!.data[i]!)),
  Relu: ([x]) => value(x!.shape, (i) => Math.max(0, x!.data[i]!)),
  Identity: ([x]) => x!,
  Add: ([x, y]) => value(x!.shape, (i) => x!.data[i]! + y!.data[i]!),
  QuantizeLinear: ([x, scale, zero]) =>
    value(x!.shape, (i) =>
      Math.max(
        -128,
        Math.min(127, roundEven(Math.fround(Math.fround(x!.data[i]!) / scale!.data[0]!)) + zero!.data[0]!),
      ),
    ),
  DequantizeLinear([x, scale, zero]) {
    const size = x!.data.length / scale!.data.length;
    return value(x!.shape, (i) => (x!.data[i]! - (zero?.data[0] ?? 0)) * scale!.data[Math.floor(i / size)]!);
  },
};

/** A file, decoded: its nodes and initializers. */
export function decodeOnnx(bytes: Uint8Array): { nodes: NodeProto[]; initializers: Map<string, TensorProto> } {
  const { graph } = fromBinary(ModelProtoSchema, bytes);
  return { nodes: graph!.node, initializers: new Map(graph!.initializer.map((t) => [t.name, t])) };
}

/** Computes all values of a graph for one input. */
export function runFloat64(
  bytes: Uint8Array,
  input: { data: Float32Array; shape: readonly number[] },
): Map<string, Value> {
  const { nodes, initializers } = decodeOnnx(bytes);
  const values = new Map([...initializers].map(([name, t]) => [name, initializer(t)]));
  values.set("input", { shape: input.shape, data: Float64Array.from(input.data) });
  for (const { opType, input: names, output, attribute } of nodes) {
    const run = operators[opType];
    if (!run) throw new Error(`no float64 reference of ${opType}`);
    const attributes = Object.fromEntries(attribute.map((a) => [a.name, a])) as unknown as Attributes;
    values.set(
      output[0]!,
      run(
        names.map((name) => values.get(name)!),
        attributes,
      ),
    );
  }
  return values;
}
