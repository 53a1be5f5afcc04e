// ModuleList and ModuleDict: modules in a list or by name, with PyTorch's names of parameters.
import { OpError } from "../gpu/index.ts";
import { isRecord, kindOf } from "../text/index.ts";
import { Module } from "./module.ts";

function expectModule(op: string, value: unknown, at: string | number): void {
  if (value instanceof Module) return;
  const place = typeof at === "string" ? JSON.stringify(at) : at;
  throw new OpError(op, `expected a module at [${place}], got ${kindOf(value)}`);
}

function noForward(op: string): never {
  throw new OpError(op, "expected calls of the modules inside, got a call of the container: it has no forward");
}

/**
 * List of modules, named "0", "1", ... in state_dicts. It has no forward: the module that owns it calls the entries. A plain
 * array does the same; a ModuleList can grow, and refuses entries that are not modules.
 *
 * Errors    OpError for an entry that is not a module, for an index out of range, and if its forward is called.
 *
 * @example
 * const layers = new ModuleList([new Linear(4, 8), new Linear(8, 2)]);
 * layers.push(new Linear(2, 1));
 * let x = tensor([[1, 2, 3, 4]]);
 * for (const layer of layers) x = relu(layer.forward(x)); // [1, 1]
 */
export class ModuleList<M extends Module = Module> extends Module<[], never> implements Iterable<M> {
  private readonly entries: M[] = [];

  constructor(modules: Iterable<M> = []) {
    super();
    if (typeof modules?.[Symbol.iterator] !== "function" || typeof modules === "string")
      throw new OpError("ModuleList", `expected a list of modules, got ${kindOf(modules)}`);
    this.push(...modules);
  }

  /** Number of modules. */
  get length(): number {
    return this.entries.length;
  }

  /** Return entry i; -1 is the last. Throws OpError if there is none. */
  at(i: number): M {
    const found = this.entries.at(i);
    if (found && Number.isInteger(i)) return found;
    throw new OpError("ModuleList", `expected an index of ${this.length} modules, got ${i}`);
  }

  /** Append modules. Returns the list. */
  push(...modules: readonly M[]): this {
    modules.forEach((m, i) => {
      expectModule("ModuleList", m, this.length + i);
    });
    this.entries.push(...modules);
    return this;
  }

  [Symbol.iterator](): IterableIterator<M> {
    return this.entries.values();
  }

  /** @internal */
  protected override get childOwner(): object {
    return this.entries;
  }

  forward(): never {
    return noForward("ModuleList");
  }
}

/**
 * Modules by name: the names are those in state_dicts, in the order given. It has no forward: the module that owns it calls the
 * entries.
 *
 * Errors    OpError for an entry that is not a module, for a name that is empty or has a dot, for a name without an entry in
 *           `get`, and if its forward is called.
 *
 * @example
 * const heads = new ModuleDict({ age: new Linear(4, 1), kind: new Linear(4, 3) });
 * const x = tensor([[1, 2, 3, 4]]);
 * const kind = heads.get("kind").forward(x); // [1, 3]
 * console.log([...heads.namedState()].map(([name]) => name).join(" ")); // age.weight age.bias kind.weight kind.bias
 */
export class ModuleDict<T extends Readonly<Record<string, Module>> = Record<string, Module>> extends Module<[], never> {
  private readonly entries: Map<string, Module>;

  constructor(modules: T) {
    super();
    if (!isRecord(modules))
      throw new OpError("ModuleDict", "expected an object of modules, such as new ModuleDict({ left, right })");
    this.entries = new Map();
    for (const [name, m] of Object.entries(modules)) this.set(name, m as T[keyof T & string]);
  }

  /** Names, in order. */
  get names(): (keyof T & string)[] {
    return [...this.entries.keys()];
  }

  /** Return true if there is a module of this name. */
  has(name: string): boolean {
    return this.entries.has(name);
  }

  /** Return the module of a name. Throws OpError if there is none. */
  get<K extends keyof T & string>(name: K): T[K] {
    const found = this.entries.get(name);
    if (found) return found as T[K];
    throw new OpError(
      "ModuleDict",
      `expected one of ${this.names.join(", ") || "no names"}, got ${JSON.stringify(name)}`,
    );
  }

  /** Add a module, or replace the one of this name. Returns the dict. */
  set<K extends keyof T & string>(name: K, module: T[K]): this {
    if (typeof name !== "string" || name === "" || name.includes("."))
      throw new OpError("ModuleDict", `expected a name without dots, got ${JSON.stringify(name)}`);
    expectModule("ModuleDict", module, name);
    this.entries.set(name, module);
    return this;
  }

  /** @internal */
  protected override get childOwner(): object {
    return this.entries;
  }

  forward(): never {
    return noForward("ModuleDict");
  }
}
