// What a module holds: parameters, buffers and modules in its properties, and in arrays, Maps, Sets and plain objects there.
import { OpError } from "../gpu/index.ts";

/** Names of classes whose instances hold parameters, as far as any was made. */
const moduleClasses = new Set<string>();
/** The first private field that a class gives a module, or null; by class. */
const hidden = new WeakMap<object, string | null>();

/** To be called for each module that is made. */
export function noteClass({ name }: { readonly name: string }): void {
  if (name) moduleClasses.add(name);
}

/** The expression that begins at `from`: to the `;` or line end outside of brackets. */
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

/** "#conv, a Conv2d" when the text of a class puts a new module into a private field. */
function hiddenModule(source: string): string | null {
  for (const field of source.matchAll(/#([\w$]+)\s*=(?![=>])/g)) {
    const expression = expressionAt(source, field.index + field[0].length);
    // A function that makes modules is none.
    if (/^\s*(?:async\b\s*)?(?:function\b|(?:\([^()]*\)|[\w$]+)\s*=>)/.test(expression)) continue;
    for (const [, made] of expression.matchAll(/\bnew\s+(?:[\w$]+\.)*([\w$]+)/g))
      if (moduleClasses.has(made!)) return `#${field[1]}, a ${made}`;
  }
  return null;
}

/** Throws OpError when a class of the module keeps modules or parameters in private fields, which nothing can look into. */
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
      const what = `${made.name || "a module"} keeps ${found}, in a private field, where it is not found and would never be trained`;
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
 * What of an object's properties `isOurs` knows, by name, in the order of assignment; in containers with dotted names, as
 * PyTorch's ModuleList and ModuleDict give them. What has a name already gets no second one for standing in a container too.
 */
export function* childrenOf<T>(owner: object, isOurs: (value: unknown) => value is T): Generator<[string, T]> {
  const named = new Set<unknown>(Object.values(owner).filter(isOurs));
  const seen = new Set<unknown>([owner]);
  function* inside(path: string, container: unknown): Generator<[string, T]> {
    if (seen.has(container)) return;
    const entries = entriesOf(container);
    if (!entries) return;
    seen.add(container);
    for (const [key, value] of entries) {
      if (isOurs(value)) {
        if (named.has(value)) continue;
        named.add(value);
        yield [nameOf(path, key), value];
      } else if (typeof value === "object" && value !== null) {
        yield* inside(`${path}.${String(key)}`, value);
      }
    }
  }
  for (const [name, value] of Object.entries(owner)) {
    if (isOurs(value)) yield [name, value];
    else if (typeof value === "object" && value !== null) yield* inside(name, value);
  }
}
