// Finds the children of a module: parameters, buffers and modules in its properties, also in arrays, Maps, Sets and plain objects.
import { OpError } from "../gpu/index.ts";

/** Names of module classes with at least one instance. */
const moduleClasses = new Set<string>();
/** By class: the first private field that holds a module, or null. */
const hidden = new WeakMap<object, string | null>();

/** Record the class of a new module. */
export function noteClass({ name }: { readonly name: string }): void {
  if (name) moduleClasses.add(name);
}

/** Return the expression that begins at `from`, up to a `;` or line end outside brackets. */
function expressionAt(source: string, from: number): string {
  let depth = 0;
  let i = from;
  for (; i < source.length; i++) {
    const c = source[i]!;
    if ("([{".includes(c)) depth++;
    else if (")]}".includes(c) && --depth < 0) break;
    else if (depth === 0 && (c === ";" || (c === "\n" && source.slice(from, i).trim() !== ""))) break;
  }
  return source.slice(from, i);
}

/** Return "#conv, a Conv2d" if the text of a class puts a new module into a private field, else null. */
function hiddenModule(source: string): string | null {
  for (const field of source.matchAll(/#([\w$]+)\s*=(?![=>])/g)) {
    const expression = expressionAt(source, field.index + field[0].length);
    // A function that makes modules is not a module.
    if (/^\s*(?:async\b\s*)?(?:function\b|(?:\([^()]*\)|[\w$]+)\s*=>)/.test(expression)) continue;
    for (const [, made] of expression.matchAll(/\bnew\s+(?:[\w$]+\.)*([\w$]+)/g))
      if (moduleClasses.has(made!)) return `#${field[1]}, a ${made}`;
  }
  return null;
}

/** Throw OpError if a class of the module has modules or parameters in private fields, which cannot be read. */
export function expectNothingHidden(module: object, base: object): void {
  let prototype = Object.getPrototypeOf(module) as object | null;
  for (; prototype && prototype !== base; prototype = Object.getPrototypeOf(prototype) as object | null) {
    const made = prototype.constructor;
    let found = hidden.get(made);
    if (found === undefined) {
      found = hiddenModule(Function.prototype.toString.call(made));
      hidden.set(made, found);
    }
    if (found !== null) {
      const what = `${made.name || "a module"} has ${found}, in a private field, where it cannot be found and would never be trained`;
      throw new OpError("Module", `${what}; use a property without #`);
    }
  }
}

const isPlain = (value: object): boolean => {
  const prototype = Object.getPrototypeOf(value) as unknown;
  return prototype === Object.prototype || prototype === null;
};

function entriesOf(value: unknown): Iterable<readonly [unknown, unknown]> | null {
  if (Array.isArray(value)) return value.entries();
  if (value instanceof Map) return value;
  if (value instanceof Set) return [...value].entries();
  if (typeof value === "object" && value !== null && isPlain(value)) return Object.entries(value);
  return null;
}

function nameOf(path: string, key: unknown): string {
  if (typeof key === "number" || (typeof key === "string" && key !== "" && !key.includes("."))) return `${path}.${key}`;
  const shown = typeof key === "string" ? JSON.stringify(key) : typeof key;
  throw new OpError("Module", `${path}: expected keys of modules to be numbers or names without dots, got ${shown}`);
}

/**
 * Find the values in an object's properties that `isChild` accepts, by name, in the order of assignment. Values in containers get
 * dotted names, as in PyTorch's ModuleList and ModuleDict. A value that is a property and in a container keeps the first name.
 */
export function* childrenOf<T>(owner: object, isChild: (value: unknown) => value is T): Generator<[string, T]> {
  // The entries of a ModuleDict are in a Map, which keeps the order of names such as "10" and "9".
  const properties: [string, unknown][] = owner instanceof Map ? [...owner] : Object.entries(owner);
  const named = new Set<unknown>(properties.map(([, value]) => value).filter(isChild));
  const seen = new Set<unknown>([owner]);
  function* inside(path: string, container: unknown): Generator<[string, T]> {
    if (seen.has(container)) return;
    const entries = entriesOf(container);
    if (!entries) return;
    seen.add(container);
    for (const [key, value] of entries) {
      if (isChild(value)) {
        if (named.has(value)) continue;
        named.add(value);
        yield [nameOf(path, key), value];
      } else if (typeof value === "object" && value !== null) {
        yield* inside(`${path}.${String(key)}`, value);
      }
    }
  }
  for (const [name, value] of properties) {
    if (isChild(value)) yield [name, value];
    else if (typeof value === "object" && value !== null) yield* inside(name, value);
  }
}
