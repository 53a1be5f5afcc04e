// Module: a tree of parameters with PyTorch's names, so that a state_dict fits torchvision's.
import { expectOptions, OpError } from "../gpu/index.ts";
import { describeNonFinite, firstNonFinite, formatShape, type HostArray, readAll, sameShape } from "../tensor/index.ts";
import { childrenOf, expectNothingHidden, noteClass } from "./children.ts";
import { LazyTensor, Parameter, StateBuffer } from "./parameter.ts";
import { RandomState } from "./random_state.ts";

/** Values of a module by name, on the host. */
export type StateDict = Map<string, HostArray>;

const join = (prefix: string, name: string) => (prefix ? `${prefix}.${name}` : name);

const isChild = (value: unknown): value is LazyTensor | Module =>
  value instanceof LazyTensor || value instanceof Module;

/**
 * Base class of layers and models. A subclass writes `forward` with any inputs and outputs: one tensor, several, or arrays and
 * objects of tensors. `Module` without parameters is a module of any signature; `Module<[x: Tensor], Tensor>` is one of a single
 * tensor.
 *
 * Its children are the properties that hold a Parameter, StateBuffer or Module, in the order of assignment, and their names are
 * the state_dict's keys. Arrays, Maps, Sets and plain objects are searched too: the second module of an array `blocks` is
 * `blocks.1`, as in PyTorch's ModuleList.
 *
 * Errors    Methods that list parameters or modules throw OpError for a class with modules in private fields (#conv), which
 *           cannot be read and would never be trained.
 * @example
 * class Siamese extends Module {
 *   readonly embed = new Linear(8, 4);
 *   forward(a: Tensor, b: Tensor): Tensor {
 *     return sub(this.embed.forward(a), this.embed.forward(b));
 *   }
 * }
 * console.log(new Siamese().forward(zeros([2, 8]), zeros([2, 8])).shape); // 2, 4
 */
// biome-ignore lint/suspicious/noExplicitAny: the result of a module of unknown signature
export abstract class Module<In extends readonly unknown[] = readonly unknown[], Out = any> {
  /** True in training, where layers such as batch norm and dropout behave differently. */
  training = true;

  /** Compute the outputs. Call it as `model.forward(a, b)`. */
  abstract forward(...inputs: In): Out;

  constructor() {
    noteClass(new.target);
  }

  /** Object whose entries are the children. ModuleList and ModuleDict return their contents. */
  protected get childOwner(): object {
    return this;
  }

  private own(): Generator<[string, LazyTensor | Module]> {
    expectNothingHidden(this, Module.prototype);
    return childrenOf(this.childOwner, isChild);
  }

  /** List this module and all below it, outermost first, with dotted names ("" for itself). */
  *namedModules(prefix = ""): Generator<[string, Module]> {
    yield [prefix, this];
    for (const [name, value] of this.own()) if (value instanceof Module) yield* value.namedModules(join(prefix, name));
  }

  /** List parameters and buffers in PyTorch's order: a module's own parameters, its buffers, then its children's. */
  *namedState(prefix = ""): Generator<[string, LazyTensor]> {
    for (const [name, value] of this.own()) {
      if (!(value instanceof Parameter)) continue;
      const path = join(prefix, name);
      // For messages: the longest path is that from the root of the model.
      if (path.length > value.name.length) value.name = path;
      yield [path, value];
    }
    for (const [name, value] of this.own()) if (value instanceof StateBuffer) yield [join(prefix, name), value];
    for (const [name, value] of this.own()) if (value instanceof Module) yield* value.namedState(join(prefix, name));
  }

  /** List each parameter once, under its first name, also if modules share it. */
  *namedParameters(): Generator<[string, Parameter]> {
    const seen = new Set<Parameter>();
    for (const [name, value] of this.namedState()) {
      if (!(value instanceof Parameter) || seen.has(value)) continue;
      seen.add(value);
      yield [name, value];
    }
  }

  /** List each parameter once. */
  parameters(): Parameter[] {
    return [...this.namedParameters()].map(([, p]) => p);
  }

  /** List the random states of the layers, each once. Training sets their step. */
  randomStates(): RandomState[] {
    const all = [...this.namedModules()].flatMap(([, m]) => Object.values(m));
    return [...new Set(all.filter((value) => value instanceof RandomState))];
  }

  /** Set training mode (false: evaluation) for this module and all below it. Returns the module. */
  train(mode = true): this {
    for (const [, m] of this.namedModules()) m.training = mode;
    return this;
  }
  /** Set evaluation mode for this module and all below it. Returns the module. */
  eval(): this {
    return this.train(false);
  }

  /** Read all values by name: effective weights and buffers. Waits for the GPU. */
  async stateDict(): Promise<StateDict> {
    const entries = [...this.namedState()];
    const values = await readAll(...entries.map(([, t]) => t));
    return new Map(entries.map(([name, t], i) => [name, { data: values[i]!, shape: t.shape }]));
  }

  /**
   * Write values by name. Throws OpError listing every key that is missing, unknown, of another shape, or that holds NaN or
   * infinity (unless `nonFinite` is "allow"), before anything is written.
   * Keys that end in `num_batches_tracked`, a count of PyTorch's, are skipped.
   */
  loadStateDict(
    state: ReadonlyMap<string, HostArray>,
    options: { readonly nonFinite?: "refuse" | "allow" } = {},
  ): void {
    expectOptions("loadStateDict", options, { nonFinite: true });
    const { nonFinite = "refuse" } = options;
    const problems: string[] = [];
    const targets = new Map(this.namedState());
    for (const [name, t] of targets) {
      const given = state.get(name);
      if (!given) problems.push(`${name} is missing`);
      else if (!sameShape(given.shape, t.shape)) {
        problems.push(`${name}: expected ${formatShape(t.shape)}, got ${formatShape(given.shape)}`);
      } else if (!(given.data instanceof Float32Array)) problems.push(`${name}: expected float32 values`);
      else if (nonFinite === "refuse") {
        const bad = firstNonFinite([[name, given]]);
        if (bad) problems.push(`${describeNonFinite(bad)}, expected finite numbers`);
      }
    }
    for (const name of state.keys()) {
      if (!targets.has(name) && !name.endsWith("num_batches_tracked")) problems.push(`${name} is unknown`);
    }
    if (problems.length > 0) throw new OpError("loadStateDict", problems.join("; "));
    for (const [name, t] of targets) {
      const { data } = state.get(name)!;
      t.set(data);
      if (t instanceof Parameter) t.latent?.set(data);
    }
  }

  /** Free all parameters and buffers, and the random states that belong to the model. */
  dispose(): void {
    for (const [, t] of this.namedState()) t.dispose();
    for (const random of this.randomStates()) if (random.owned) random.dispose();
  }
}
