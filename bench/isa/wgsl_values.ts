// Values of the bank model: integers and booleans, whatever else is unknown.

/** An array or a struct: elements by index, or fields by name, as far as they were written. */
export class Composite {
  readonly parts = new Map<number | string, Value>();

  copy(): Composite {
    const made = new Composite();
    for (const [key, value] of this.parts) made.parts.set(key, value);
    return made;
  }
}

/** A place that can be read and written. */
export interface Place {
  read(): Value;
  write(value: Value): void;
  /** Place of an element, a component or a field. */
  part(key: Value | string): Place;
}

/** Integer, boolean, vector, array, struct, or pointer; undefined if unknown, as all floating-point numbers are. */
export type Value = number | boolean | readonly Value[] | Composite | { readonly to: Place } | undefined;

export const isVector = (value: Value): value is readonly Value[] => Array.isArray(value);

const INTEGERS: Readonly<Record<string, (a: number, b: number) => number>> = {
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  "/": (a, b) => (b === 0 ? 0 : Math.trunc(a / b)),
  "%": (a, b) => (b === 0 ? 0 : a % b),
  "&": (a, b) => (a & b) >>> 0,
  "|": (a, b) => (a | b) >>> 0,
  "^": (a, b) => (a ^ b) >>> 0,
  "<<": (a, b) => (a << b) >>> 0,
  ">>": (a, b) => a >>> b,
};
const COMPARISONS: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  "==": (a, b) => a === b,
  "!=": (a, b) => a !== b,
  "<": (a, b) => a < b,
  ">": (a, b) => a > b,
  "<=": (a, b) => a <= b,
  ">=": (a, b) => a >= b,
};

function logical(operator: string, a: Value, b: Value): Value {
  const absorbing = operator === "||" || operator === "|";
  if (a === absorbing || b === absorbing) return absorbing;
  if (typeof a !== "boolean" || typeof b !== "boolean") return undefined;
  if (operator === "==" || operator === "!=") return (a === b) === (operator === "==");
  return !absorbing;
}

/** Apply a binary operator, component by component to vectors. Zero times an unknown number is zero. */
export function binary(operator: string, a: Value, b: Value): Value {
  if (isVector(a) || isVector(b)) {
    const length = isVector(a) ? a.length : (b as readonly Value[]).length;
    return Array.from({ length }, (_, i) => binary(operator, isVector(a) ? a[i] : a, isVector(b) ? b[i] : b));
  }
  if (typeof a === "boolean" || typeof b === "boolean" || operator === "&&" || operator === "||")
    return logical(operator, a, b);
  if ((operator === "*" || operator === "&") && (a === 0 || b === 0)) return 0;
  if (operator === "%" && b === 1) return 0;
  if (operator === "/" && a === 0) return 0;
  if (typeof a !== "number" || typeof b !== "number") return undefined;
  return INTEGERS[operator]?.(a, b) ?? COMPARISONS[operator]?.(a, b);
}

export function unary(operator: string, value: Value): Value {
  if (isVector(value)) return value.map((v) => unary(operator, v));
  if (operator === "!") return typeof value === "boolean" ? !value : undefined;
  if (typeof value !== "number") return undefined;
  return operator === "-" ? -value : operator === "~" ? ~value >>> 0 : undefined;
}

const COMPONENTS: Readonly<Record<string, number>> = { x: 0, y: 1, z: 2, w: 3, r: 0, g: 1, b: 2, a: 3 };

/** Return the components that a member name selects, or null for a field. */
export function componentsOf(name: string): number[] | null {
  const found = [...name].map((letter) => COMPONENTS[letter]);
  return name.length <= 4 && found.every((c) => c !== undefined) ? (found as number[]) : null;
}

const each = (values: readonly Value[], apply: (numbers: readonly number[]) => number): Value => {
  const vector = values.find(isVector);
  if (vector)
    return vector.map((_, i) =>
      each(
        values.map((v) => (isVector(v) ? v[i] : v)),
        apply,
      ),
    );
  return values.every((v) => typeof v === "number") ? apply(values as number[]) : undefined;
};

/** `assume` stands for an unknown condition. */
function select([no, yes, condition]: readonly Value[], assume: boolean): Value {
  if (isVector(condition)) {
    return condition.map((c, i) => select([isVector(no) ? no[i] : no, isVector(yes) ? yes[i] : yes, c], assume));
  }
  return (condition ?? assume) ? yes : no;
}

function truth(values: readonly Value[], all: boolean): Value {
  const list = values.flatMap((v) => (isVector(v) ? v : [v]));
  if (list.some((v) => v === !all)) return !all;
  return list.every((v) => v === all) ? all : undefined;
}

const FUNCTIONS: Readonly<Record<string, (values: readonly Value[], assume: boolean) => Value>> = {
  min: (v) => each(v, (n) => Math.min(...n)),
  max: (v) => each(v, (n) => Math.max(...n)),
  clamp: (v) => each(v, ([x, low, high]) => Math.min(Math.max(x!, low!), high!)),
  abs: (v) => each(v, ([x]) => Math.abs(x!)),
  u32: (v) => each(v, ([x]) => x! >>> 0),
  i32: (v) => each(v, ([x]) => x! | 0),
  firstTrailingBit: (v) => each(v, ([x]) => (x === 0 ? 0xffffffff : 31 - Math.clz32(x! & -x!))),
  countOneBits: (v) => each(v, ([x]) => (x! >>> 0).toString(2).replaceAll("0", "").length),
  all: (v) => truth(v, true),
  any: (v) => truth(v, false),
  select,
  dot: ([a, b]) =>
    isVector(a) && isVector(b) ? a.reduce<Value>((sum, x, i) => binary("+", sum, binary("*", x, b[i])), 0) : undefined,
  bool: ([v]) => (typeof v === "number" ? v !== 0 : v),
};

/** Call a built-in function or a constructor. Unknown ones return undefined. */
export function builtin(name: string, values: readonly Value[], assume: boolean): Value {
  const width = Number(/^vec([234])[fuih]?$/.exec(name)?.[1] ?? 0);
  if (width > 0) {
    const flat = values.flatMap((v) => (isVector(v) ? v : [v]));
    if (flat.length <= 1) return Array.from({ length: width }, () => (flat.length === 0 ? 0 : flat[0]));
    return flat;
  }
  return FUNCTIONS[name]?.(values, assume);
}
