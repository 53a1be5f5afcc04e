// Builds an ONNX graph: nodes, initializers, inputs and outputs by name. Encodes it as the bytes of a model file.
import type { MessageInitShape } from "@bufbuild/protobuf";
import { create, toBinary } from "@bufbuild/protobuf";
import {
  AttributeProto_AttributeType,
  type AttributeProtoSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  TensorProto_DataType,
  type TensorProtoSchema,
} from "onnx-buf";
import { type DType, halfBits, type Shape } from "../../tensor/index.ts";
import { isFixed, type OnnxShape, type OnnxSize } from "./shape.ts";

/** Operator set of the rules, and the file format of its release (ONNX 1.12). */
const OPSET = 17;
const IR = 8;

/** Attribute of a node: integer, float, integers, or text. */
export type OnnxAttribute =
  | { readonly int: number }
  | { readonly float: number }
  | { readonly ints: readonly number[] }
  | { readonly text: string };
/** Attributes of an ONNX node by name. */
export type OnnxAttributes = Readonly<Record<string, OnnxAttribute>>;

type TensorInit = MessageInitShape<typeof TensorProtoSchema>;
type AttributeInit = MessageInitShape<typeof AttributeProtoSchema>;
type GraphInit = Required<Pick<MessageInitShape<typeof GraphProtoSchema>, "node" | "initializer" | "input" | "output">>;

const big = (values: readonly number[]) => values.map(BigInt);

function attribute(name: string, value: OnnxAttribute): AttributeInit {
  const type = AttributeProto_AttributeType;
  if ("int" in value) return { name, type: type.INT, i: BigInt(value.int) };
  if ("float" in value) return { name, type: type.FLOAT, f: value.float };
  if ("ints" in value) return { name, type: type.INTS, ints: big(value.ints) };
  return { name, type: type.STRING, s: new TextEncoder().encode(value.text) };
}

/** View numbers as little-endian bytes without a copy. All hosts of WebGPU are little-endian, as ONNX is. */
function raw(data: Float32Array | Uint16Array | BigInt64Array | Int8Array | Int32Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
}

/** Values of an initializer. */
type InitializerData = Float32Array | BigInt64Array | Int8Array | Int32Array;

/** Return the element type of integers. */
function integerType(data: Exclude<InitializerData, Float32Array>): TensorProto_DataType {
  if (data instanceof BigInt64Array) return TensorProto_DataType.INT64;
  return data instanceof Int8Array ? TensorProto_DataType.INT8 : TensorProto_DataType.INT32;
}

const ELEMENTS: Readonly<Record<DType, TensorProto_DataType>> = {
  f32: TensorProto_DataType.FLOAT,
  f16: TensorProto_DataType.FLOAT16,
  i32: TensorProto_DataType.INT32,
  u32: TensorProto_DataType.UINT32,
};

interface ModelInfo {
  readonly name: string;
  readonly doc: string;
  readonly metadata: Readonly<Record<string, string>>;
}

export class GraphBuilder {
  /** Prefix of the names of new values. */
  prefix = "";
  private readonly parts = { node: [], initializer: [], input: [], output: [] } as {
    [K in keyof GraphInit]: GraphInit[K][number][];
  };
  private readonly initializers = new Set<string>();
  private readonly values = new Set<string>();
  /** Name of the batch axis; null if it is a number. */
  private readonly batch: string | null;
  /** Type of the graph's numbers. Its inputs and outputs are f32 in any case. */
  private readonly float: "f32" | "f16";

  constructor(batch: string | null, float: "f32" | "f16" = "f32") {
    this.batch = batch;
    this.float = float;
  }

  /** Return an unused name. */
  fresh(base: string): string {
    let name = base;
    for (let i = 2; this.values.has(name); i++) name = `${base}_${i}`;
    this.values.add(name);
    return name;
  }

  /** Add a node with one output and return the output's name. A null input is an omitted one. */
  node(op: string, inputs: readonly (string | null)[], attributes: OnnxAttributes = {}, output?: string): string {
    const given = inputs.map((name) => name ?? "");
    while (given.at(-1) === "") given.pop();
    const made = output ?? this.fresh(`${this.prefix}/${op}`);
    const { to } = attributes;
    const casts = op === "Cast" && to && "int" in to && to.int === ELEMENTS.f32;
    this.push(op, given, casts ? { to: { int: ELEMENTS[this.float] } } : attributes, made);
    return made;
  }

  private push(op: string, input: string[], attributes: OnnxAttributes, made: string): void {
    this.parts.node.push({
      name: `${made}:${op}`,
      opType: op,
      input,
      output: [made],
      attribute: Object.entries(attributes).map(([name, value]) => attribute(name, value)),
    });
  }

  /** Return the name under which nodes read an input of the graph, in the type of its numbers. */
  entry(name: string, dtype: DType): string {
    if (this.float === dtype || dtype !== "f32") return name;
    const made = this.fresh(`${name}/f16`);
    this.push("Cast", [name], { to: { int: ELEMENTS.f16 } }, made);
    return made;
  }

  /** Add the last node of an output of the graph, which another value holds or whose numbers have another type. */
  exit(made: string, name: string, dtype: DType): void {
    if (this.float === dtype || dtype !== "f32") this.push("Identity", [made], {}, name);
    else this.push("Cast", [made], { to: { int: ELEMENTS.f32 } }, name);
  }

  /** True if a value of this type is an output of the graph as it is. */
  isExit(dtype: DType): boolean {
    return this.float === "f32" || dtype !== "f32";
  }

  /** Add values under a name; a name is added once. `float`: type of numbers, by default that of the graph. */
  initializer(name: string, data: InitializerData, shape: Shape, float = this.float): string {
    if (this.initializers.has(name)) return name;
    this.initializers.add(name);
    this.values.add(name);
    const isFloat = data instanceof Float32Array;
    const dataType = isFloat ? ELEMENTS[float] : integerType(data);
    const values = isFloat && float === "f16" ? halfBits(data).subarray(0, data.length) : data;
    const tensor: TensorInit = { name, dataType, dims: big(shape), rawData: raw(values) };
    this.parts.initializer.push(tensor);
    return name;
  }

  /** Add a number that nodes share. */
  scalar(value: number): string {
    return this.initializer(`const/${value}`, Float32Array.of(value), []);
  }

  /** Add integers that nodes share: shapes, axes, ends. */
  integers(values: readonly number[]): string {
    return this.initializer(`const/i64[${values.join(",")}]`, BigInt64Array.from(big(values)), [values.length]);
  }

  /** Add numbers of a single node. `float`: see initializer. */
  numbers(label: string, data: Float32Array, shape: Shape, float = this.float): string {
    return this.initializer(this.fresh(`${this.prefix}/${label}`), data, shape, float);
  }

  input(name: string, shape: OnnxShape, dtype: DType = "f32"): void {
    this.values.add(name);
    this.parts.input.push(this.valueInfo(name, shape, dtype));
  }

  output(name: string, shape: OnnxShape, dtype: DType = "f32"): void {
    this.parts.output.push(this.valueInfo(name, shape, dtype));
  }

  /** True if a node, input or initializer has this name. */
  has(name: string): boolean {
    return this.values.has(name);
  }

  private valueInfo(name: string, shape: OnnxShape, dtype: DType): GraphInit["input"][number] {
    const size = (d: OnnxSize) => {
      if (isFixed(d)) return { value: { case: "dimValue" as const, value: BigInt(d) } };
      const text = d.batches === 1 ? `${this.batch}` : `${d.batches}*${this.batch}`;
      return { value: { case: "dimParam" as const, value: text } };
    };
    const value = { elemType: ELEMENTS[dtype], shape: { dim: shape.map(size) } };
    return { name, type: { value: { case: "tensorType", value } } };
  }

  /** Encode the model as the bytes of a file. */
  encode({ name, doc, metadata }: ModelInfo): Uint8Array<ArrayBuffer> {
    const model = create(ModelProtoSchema, {
      irVersion: BigInt(IR),
      producerName: "espalier",
      docString: doc,
      opsetImport: [{ domain: "", version: BigInt(OPSET) }],
      graph: create(GraphProtoSchema, { name, ...this.parts }),
      metadataProps: Object.entries(metadata).map(([key, value]) => ({ key, value })),
    });
    return toBinary(ModelProtoSchema, model);
  }
}
