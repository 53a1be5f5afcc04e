// What a rule is: how one op of the engine is said in ONNX nodes.
import { OpError } from "../../gpu/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import type { GraphBuilder } from "./graph.ts";
import { isFixed, type SymbolicShape } from "./shape.ts";
import type { TracedStep } from "./trace.ts";

/** Writes the nodes of one op. The last of them makes `output`. */
export type Rule = (op: OpContext) => void;
export type Rules = Readonly<Record<string, Rule>>;

/** An op to be written: its inputs by name, its shapes, and the graph. */
export class OpContext {
  readonly graph: GraphBuilder;
  readonly step: TracedStep;
  /** Null where an input is not given. */
  readonly inputs: readonly (string | null)[];
  readonly output: string;
  private readonly shapeOf: (t: Tensor) => SymbolicShape;

  constructor(
    graph: GraphBuilder,
    step: TracedStep,
    names: { readonly inputs: readonly (string | null)[]; readonly output: string },
    shapeOf: (t: Tensor) => SymbolicShape,
  ) {
    this.graph = graph;
    this.step = step;
    this.inputs = names.inputs;
    this.output = names.output;
    this.shapeOf = shapeOf;
  }

  /** The op's first input. */
  get x(): string {
    return this.inputs[0]!;
  }

  /** Options as the op's own file has them: they passed its checks. */
  options<T extends object>(): T {
    return this.step.options as T;
  }

  inputShape(i = 0): SymbolicShape {
    return this.shapeOf(this.step.inputs[i]!);
  }

  get outputShape(): SymbolicShape {
    return this.shapeOf(this.step.output);
  }

  /** A size that has to be a number. */
  fixed(shape: SymbolicShape, axis: number): number {
    const size = shape[axis];
    return isFixed(size) ? size : this.fail(`wants a size on axis ${axis} that does not depend on the batch`);
  }

  /** Adds a node whose output the rule goes on with. */
  add(op: string, inputs: readonly (string | null)[], attributes = {}): string {
    return this.graph.node(op, inputs, attributes);
  }

  /** Adds the op's last node. */
  end(op: string, inputs: readonly (string | null)[], attributes = {}): void {
    this.graph.node(op, inputs, attributes, this.output);
  }

  /** x in the given shape; at most one of its sizes may depend on the batch. `output`: this is the op's last node. */
  reshape(x: string, shape: SymbolicShape, output?: string): string {
    if (shape.filter((d) => !isFixed(d)).length > 1) this.fail("wants a shape with one axis that holds the batch");
    const sizes = shape.map((d) => (isFixed(d) ? d : -1));
    return this.graph.node("Reshape", [x, this.graph.integers(sizes)], {}, output);
  }

  fail(message: string): never {
    const { op, module } = this.step;
    throw new OpError("exportOnnx", `${op} in ${module || "the model itself"} ${message}`);
  }
}
