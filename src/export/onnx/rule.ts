// Interface of the rules, which translate one op of the engine into ONNX nodes.
import { OpError } from "../../gpu/index.ts";
import type { TracedStep } from "../../nn/index.ts";
import type { Shape, Tensor } from "../../tensor/index.ts";
import { isRecord } from "../../text/index.ts";
import type { GraphBuilder, OnnxAttributes } from "./graph.ts";
import { isFixed, type OnnxShape } from "./shape.ts";

/** Writes the nodes of one op. The last node computes `output`. */
export type Rule = (op: OpContext) => void;
export type Rules = Readonly<Record<string, Rule>>;

/** One op to translate, as a rule gets it: names of its inputs, shapes, and methods that add nodes to the graph. */
export interface OnnxOp {
  /** Name of the op, as in defineOp. */
  readonly name: string;
  /** Path of the module that runs it; "" for the model itself. */
  readonly module: string;
  /** Names of the input values in the graph; null for an omitted one. */
  readonly inputs: readonly (string | null)[];
  /** Name of the first input. */
  readonly x: string;
  /** Name of the value that the last node computes. */
  readonly output: string;
  readonly outputShape: OnnxShape;
  /** Return the options of the op, which passed the op's checks. */
  options<T extends object>(): T;
  /** Return the shape of an input. Sizes are numbers, or multiples of the batch. */
  inputShape(i?: number): OnnxShape;
  /** Return a size that must be a number. Throws OpError if it depends on the batch. */
  fixed(shape: OnnxShape, axis: number): number;
  /** Add a node for an intermediate value: an operator of ONNX (operator set 17). Returns the value's name. */
  add(operator: string, inputs: readonly (string | null)[], attributes?: OnnxAttributes): string;
  /** Add the last node, which computes `output`. Every rule calls it once. */
  end(operator: string, inputs: readonly (string | null)[], attributes?: OnnxAttributes): void;
  /** Reshape x; at most one size may depend on the batch. With `output`, this is the last node of the op. Returns the name. */
  reshape(x: string, shape: OnnxShape, output?: string): string;
  /** Add a constant number, []. Returns its name. */
  scalar(value: number): string;
  /** Add constant integers, [n] int64: shapes, axes, ends. Returns their name. */
  integers(values: readonly number[]): string;
  /** Add constant numbers of this shape. Returns their name, which begins with `label`. */
  numbers(label: string, data: Float32Array, shape: Shape): string;
  /** Throw OpError that names op and module. */
  fail(message: string): never;
}

/** Writes the nodes of one op of the user's. */
export type OnnxRule = (op: OnnxOp) => void;

const KINDS: Readonly<Record<string, (value: unknown) => boolean>> = {
  int: Number.isInteger,
  float: (value) => typeof value === "number",
  ints: (value) => Array.isArray(value) && value.every(Number.isInteger),
  text: (value) => typeof value === "string",
};

function isAttribute(value: unknown): boolean {
  if (!isRecord(value)) return false;
  const [kind = "", ...more] = Object.keys(value);
  return more.length === 0 && Object.hasOwn(KINDS, kind) && KINDS[kind]!(value[kind]);
}

/** Op to translate: names of its inputs, shapes, and the graph. */
export class OpContext implements OnnxOp {
  readonly graph: GraphBuilder;
  readonly step: TracedStep;
  readonly inputs: readonly (string | null)[];
  readonly output: string;
  /** True after `end`. */
  ended = false;
  private readonly shapeOf: (t: Tensor) => OnnxShape;

  constructor(
    graph: GraphBuilder,
    step: TracedStep,
    names: { readonly inputs: readonly (string | null)[]; readonly output: string },
    shapeOf: (t: Tensor) => OnnxShape,
  ) {
    this.graph = graph;
    this.step = step;
    this.inputs = names.inputs;
    this.output = names.output;
    this.shapeOf = shapeOf;
  }

  get name(): string {
    return this.step.op;
  }

  get module(): string {
    return this.step.module;
  }

  get x(): string {
    return this.inputs[0]!;
  }

  options<T extends object>(): T {
    return this.step.options as T;
  }

  inputShape(i = 0): OnnxShape {
    const t = this.step.inputs[i];
    return t ? this.shapeOf(t) : this.fail(`input ${i}: expected a tensor, got none`);
  }

  get outputShape(): OnnxShape {
    return this.shapeOf(this.step.output);
  }

  fixed(shape: OnnxShape, axis: number): number {
    const size = shape[axis];
    return isFixed(size) ? size : this.fail(`axis ${axis}: expected a size that does not depend on the batch`);
  }

  add(operator: string, inputs: readonly (string | null)[], attributes: OnnxAttributes = {}): string {
    this.check(operator, inputs, attributes);
    return this.graph.node(operator, inputs, attributes);
  }

  end(operator: string, inputs: readonly (string | null)[], attributes: OnnxAttributes = {}): void {
    this.check(operator, inputs, attributes);
    if (this.ended) this.fail("expected one call of end, got two");
    this.ended = true;
    this.graph.node(operator, inputs, attributes, this.output);
  }

  scalar(value: number): string {
    return this.graph.scalar(value);
  }

  integers(values: readonly number[]): string {
    return this.graph.integers(values);
  }

  numbers(label: string, data: Float32Array, shape: Shape): string {
    return this.graph.numbers(label, data, shape);
  }

  reshape(x: string, shape: OnnxShape, output?: string): string {
    if (shape.filter((d) => !isFixed(d)).length > 1)
      this.fail("expected a shape with at most one axis that depends on the batch");
    const sizes = shape.map((d) => (isFixed(d) ? d : -1));
    if (output !== undefined) this.ended = true;
    return this.graph.node("Reshape", [x, this.graph.integers(sizes)], {}, output);
  }

  fail(message: string): never {
    const { op, module } = this.step;
    throw new OpError("exportOnnx", `${op} in ${module || "the model itself"}: ${message}`);
  }

  /** Check what a rule writes: values exist before their use, attributes have one of the four kinds. */
  private check(operator: string, inputs: readonly (string | null)[], attributes: OnnxAttributes): void {
    if (typeof operator !== "string" || operator === "")
      this.fail(`expected the name of an ONNX operator, got ${JSON.stringify(operator)}`);
    for (const name of inputs)
      if (name !== null && (name === this.output || !this.graph.has(name)))
        this.fail(`${operator}: expected names of values in the graph, got ${JSON.stringify(name)}`);
    for (const [name, value] of Object.entries(attributes)) {
      if (isAttribute(value)) continue;
      const kinds = "{ int }, { float }, { ints } or { text }";
      this.fail(`${operator}: attribute ${name}: expected ${kinds}, got ${JSON.stringify(value)}`);
    }
  }
}
