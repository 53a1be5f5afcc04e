// Interface of the rules, which translate one op of the engine into ONNX nodes.
import { OpError } from "../../gpu/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import type { GraphBuilder } from "./graph.ts";
import { isFixed, type SymbolicShape } from "./shape.ts";
import type { TracedStep } from "./trace.ts";

/** Writes the nodes of one op. The last node computes `output`. */
export type Rule = (op: OpContext) => void;
export type Rules = Readonly<Record<string, Rule>>;

/** Op to translate: names of its inputs, shapes, and the graph. */
export class OpContext {
  readonly graph: GraphBuilder;
  readonly step: TracedStep;
  /** Names of the inputs; null for an omitted one. */
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

  /** Name of the first input. */
  get x(): string {
    return this.inputs[0]!;
  }

  /** Options of the op, which passed the op's checks. */
  options<T extends object>(): T {
    return this.step.options as T;
  }

  inputShape(i = 0): SymbolicShape {
    return this.shapeOf(this.step.inputs[i]!);
  }

  get outputShape(): SymbolicShape {
    return this.shapeOf(this.step.output);
  }

  /** Return a size that must be a number. */
  fixed(shape: SymbolicShape, axis: number): number {
    const size = shape[axis];
    return isFixed(size) ? size : this.fail(`axis ${axis}: expected a size that does not depend on the batch`);
  }

  /** Add a node for an intermediate value. */
  add(op: string, inputs: readonly (string | null)[], attributes = {}): string {
    return this.graph.node(op, inputs, attributes);
  }

  /** Add the last node of the op. */
  end(op: string, inputs: readonly (string | null)[], attributes = {}): void {
    this.graph.node(op, inputs, attributes, this.output);
  }

  /** Reshape x; at most one size may depend on the batch. With `output`, this is the last node of the op. */
  reshape(x: string, shape: SymbolicShape, output?: string): string {
    if (shape.filter((d) => !isFixed(d)).length > 1)
      this.fail("expected a shape with at most one axis that depends on the batch");
    const sizes = shape.map((d) => (isFixed(d) ? d : -1));
    return this.graph.node("Reshape", [x, this.graph.integers(sizes)], {}, output);
  }

  fail(message: string): never {
    const { op, module } = this.step;
    throw new OpError("exportOnnx", `${op} in ${module || "the model itself"}: ${message}`);
  }
}
