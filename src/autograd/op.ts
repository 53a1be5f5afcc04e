// defineOp: turns an op's definition (shape rule, dispatch, backward) into a function that infers, runs and records.
import { expectOptions, OpError } from "../gpu/index.ts";
import { allocate, type DType, metaTensor, Scope, type Shape, Tensor } from "../tensor/index.ts";
import { kindOf } from "../text/index.ts";
import { gradEnabled, noGrad } from "./grad_mode.ts";
import { inspect } from "./inspection.ts";
import { loadWhenRequested } from "./load_inspector.ts";
import { type BackwardContext, currentTape, type TapeNode } from "./tape.ts";
import { isTracing, traced } from "./trace.ts";

/** Tensor arguments of an op. */
export type OpInputs = readonly (Tensor | null | undefined)[];
/** Tensors that an op saves for its backward function. */
export type SavedTensors = readonly [] | readonly (Tensor | null)[];

/** An op: its shape rule, its work on the GPU, and its gradient. */
export interface OpDefinition<In extends OpInputs, Options extends object, S extends SavedTensors> {
  /** Name in error messages and profiles. */
  readonly name: string;
  /** Names of the options: any other is refused. Absent: the op gets any option. */
  readonly options?: readonly (keyof Options & string)[];
  /** Check the inputs and return the output's shape and dtype. Pure; runs without a GPU. */
  infer(inputs: In, options: Options): { shape: Shape; dtype: DType };
  /** Enqueue the work that writes y. Returns the tensors that backward needs (inputs, y, or tensors made here). */
  forward(y: Tensor, inputs: In, options: Options): S;
  /** Return one gradient or null per input, in order. Absent: no gradient flows through this op. */
  backward?(dy: Tensor, saved: S, ctx: BackwardContext<Options>): readonly (Tensor | null | undefined)[];
}

/** A view op shares its input's memory: only the shape changes. */
interface ViewDefinition<Options extends object> {
  readonly name: string;
  /** Like those of an op. */
  readonly options?: readonly (keyof Options & string)[];
  shape(x: Tensor, options: Options): Shape;
}

/** A function that runs and records an op: tensors, then options. */
export type Op<In extends OpInputs, Options extends object> = (...args: [...inputs: In, options?: Options]) => Tensor;

function splitArguments(args: readonly unknown[]): { inputs: (Tensor | null)[]; options: object } {
  const last = args.at(-1);
  const hasOptions = last !== null && typeof last === "object" && !(last instanceof Tensor) && !Array.isArray(last);
  const inputs = (hasOptions ? args.slice(0, -1) : args).map((t) => (t ?? null) as Tensor | null);
  return { inputs, options: hasOptions ? (last as object) : {} };
}

const knownOf = (names: readonly string[] | undefined) =>
  names && Object.fromEntries(names.map((key) => [key, true as const]));

/** `names`: of the op's options, shown if one is passed by position. Only inputs after the first may be null. */
function checkInputs(op: string, inputs: readonly (Tensor | null)[], names: readonly string[] = []): void {
  inputs.forEach((t, i) => {
    if ((t !== null || i === 0) && !(t instanceof Tensor)) {
      const hint = i > 0 && names.length > 0 ? `: pass options as an object { ${names.join(", ")} }` : "";
      throw new OpError(op, `input ${i}: expected a tensor, got ${kindOf(t)}${hint}`);
    }
    if (t?.isDisposed) void t.view; // throws DisposedError with the tensor's name
  });
}

/**
 * Make an op: a function that checks its inputs, runs on the GPU and is recorded for the backward pass. docs/adding_an_op.md
 * explains each part.
 *
 * Errors    the op throws OpError for anything but tensors as inputs, and for options that `options` does not list.
 * @example
 * const cube = defineOp({
 *   name: "cube",
 *   options: [],
 *   infer([x]: [x: Tensor]) {
 *     expectFloat("cube", { x });
 *     return outputLike(x);
 *   },
 *   forward(y, [x]) {
 *     copyInto(y, mul(x, square(x)));
 *     return [x];
 *   },
 *   backward: (dy, [x]) => [mul(dy, mul(square(x!), 3))],
 * });
 * console.log(await cube(tensor([1, 2])).data()); // 1, 8
 * const report = await gradcheck(cube, [tensor([0.5, -1])]);
 * console.log(report.checked); // 2
 */
export function defineOp<const In extends OpInputs, Options extends object, S extends SavedTensors>(
  definition: OpDefinition<In, Options, S>,
): Op<In, Options> {
  const { name, backward } = definition;
  const known = knownOf(definition.options);
  loadWhenRequested();
  return (...args) => {
    if (args.length === 0) throw new OpError(name, "expected a tensor as first argument");
    const { inputs, options } = splitArguments(args);
    checkInputs(name, inputs, definition.options);
    if (known) expectOptions(name, options, known);
    const typed = inputs as unknown as In;
    const { shape, dtype } = definition.infer(typed, options as Options);
    if (isTracing() || inputs.some((t) => t?.isMeta)) return traced(name, inputs, options, metaTensor(shape, dtype));
    const tape = currentTape();
    const recorded = tape !== null && backward !== undefined && gradEnabled() && inputs.some((t) => t?.requiresGrad);
    using scope = new Scope();
    const y = allocate(shape, dtype);
    // An op made of other ops is one node: the ops it calls are not recorded.
    const saved = noGrad(() => definition.forward(y, typed, options as Options));
    inspect(name, "forward", y, inputs);
    if (!recorded) return scope.keep(y);
    y.requiresGrad = true;
    Scope.release(y);
    const own = (saved ?? []).map((t) => {
      if (!t) return null;
      // The tape owns tensors made by forward; of any other tensor it takes a reference.
      return scope.owns(t) ? Scope.release(t) : t.alias(t.shape, false);
    });
    tape.record({ op: name, inputs, output: y, saved: own, backward: backward as TapeNode["backward"], options });
    return y;
  };
}

/** Make an op that only changes the shape: the output shares memory with x, and so do the gradients. */
export function defineView<Options extends object>(definition: ViewDefinition<Options>): Op<[x: Tensor], Options> {
  const { name } = definition;
  const known = knownOf(definition.options);
  loadWhenRequested();
  return (...args) => {
    const { inputs, options } = splitArguments(args);
    checkInputs(name, inputs, definition.options);
    if (known) expectOptions(name, options, known);
    const x = inputs[0]!;
    const shape = definition.shape(x, options as Options);
    if (isTracing() || x.isMeta) return traced(name, inputs, options, metaTensor(shape, x.dtype));
    const tape = currentTape();
    const recorded = tape !== null && gradEnabled() && x.requiresGrad;
    const y = x.alias(shape, !recorded);
    if (tape && recorded) {
      y.requiresGrad = true;
      const backward = (dy: Tensor) => [dy.alias(x.shape)];
      tape.record({ op: name, inputs, output: y, saved: [], backward, options });
    }
    return y;
  };
}

/** Return `{ shape, dtype }` of a tensor: the most common shape rule. */
export function outputLike(x: Tensor): { shape: Shape; dtype: DType } {
  return { shape: x.shape, dtype: x.dtype };
}

/** Throw OpError unless every named tensor is f32. */
export function expectFloat(op: string, tensors: Record<string, Tensor | null | undefined>): void {
  for (const [name, t] of Object.entries(tensors)) {
    if (t && t.dtype !== "f32") throw new OpError(op, `${name}: expected f32, got ${t.dtype}`, tensors);
  }
}

/**
 * Throw OpError unless every named tensor holds activations: f32 or f16, all of the dtype of the first. Weights and statistics
 * are f32 in any case: expectFloat.
 */
export function expectActivations(op: string, tensors: Record<string, Tensor | null | undefined>): void {
  const [[first, like] = [], ...others] = Object.entries(tensors).filter(([, t]) => t);
  if (!like) return;
  if (like.dtype !== "f32" && like.dtype !== "f16")
    throw new OpError(op, `${first}: expected f32 or f16, got ${like.dtype}`, tensors);
  for (const [name, t] of others) {
    if (t!.dtype !== like.dtype)
      throw new OpError(op, `${name}: expected ${like.dtype} like ${first}, got ${t!.dtype}; use cast`, tensors);
  }
}

/** Throw OpError unless every named tensor has one element. */
export function expectScalar(op: string, tensors: Record<string, Tensor>): void {
  for (const [name, t] of Object.entries(tensors)) {
    if (t.numel !== 1) throw new OpError(op, `${name}: expected one element, got ${t.numel}`, tensors);
  }
}

/** Throw OpError unless the tensor has this rank. */
export function expectRank(op: string, name: string, t: Tensor, rank: number): void {
  if (t.shape.length !== rank)
    throw new OpError(op, `${name}: expected ${rank} axes, got ${t.shape.length}`, { [name]: t });
}
