// Places of the bank model: variables, their parts, and elements of workgroup memory, whose accesses are recorded.
import { Composite, componentsOf, isVector, type Place, type Value } from "./wgsl_values.ts";

/** A place of unknown content: a buffer or a part of one. */
export const UNKNOWN: Place = { read: () => undefined, write: () => {}, part: () => UNKNOWN };

/** Return the index of a component by number or letter. */
function componentIndex(key: Value | string): number | undefined {
  if (typeof key === "number") return key;
  return typeof key === "string" ? componentsOf(key)?.[0] : undefined;
}

/** A part of another place: an element of an array, a component of a vector, a field of a struct. */
class Part implements Place {
  private readonly whole: Place;
  private readonly key: Value | string;

  constructor(whole: Place, key: Value | string) {
    this.whole = whole;
    this.key = key;
  }

  read(): Value {
    const value = this.whole.read();
    if (isVector(value)) return value[componentIndex(this.key) ?? -1];
    if (!(value instanceof Composite)) return undefined;
    return typeof this.key === "number" || typeof this.key === "string" ? value.parts.get(this.key) : undefined;
  }

  write(value: Value): void {
    const before = this.whole.read();
    if (isVector(before)) {
      const index = componentIndex(this.key);
      this.whole.write(before.map((v, i) => (i === index ? value : index === undefined ? undefined : v)));
    } else if (before instanceof Composite) {
      // An unknown index may have been any element.
      if (typeof this.key === "number" || typeof this.key === "string") before.parts.set(this.key, value);
      else before.parts.clear();
    }
  }

  part(key: Value | string): Place {
    return new Part(this, key);
  }
}

/** A variable of a scope. */
export class Variable implements Place {
  private readonly scope: Map<string, Value>;
  private readonly name: string;

  constructor(scope: Map<string, Value>, name: string) {
    this.scope = scope;
    this.name = name;
  }

  read(): Value {
    return this.scope.get(this.name);
  }

  write(value: Value): void {
    this.scope.set(this.name, value);
  }

  part(key: Value | string): Place {
    return new Part(this, key);
  }
}

/** One access of one invocation to workgroup memory. */
export interface SharedAccess {
  readonly array: string;
  readonly store: boolean;
  /** Index of the element; undefined if unknown. */
  readonly index: number | undefined;
  /** Component of the element, if only one is accessed. */
  readonly component: number | undefined;
}

/** An array in workgroup memory, an element of it, or a component of an element. */
export class SharedPlace implements Place {
  private readonly array: string;
  private readonly record: (access: SharedAccess) => void;
  private readonly index: Value;
  private readonly level: "array" | "element" | "component";
  private readonly component: number | undefined;

  constructor(
    array: string,
    record: (access: SharedAccess) => void,
    index: Value,
    level: "array" | "element" | "component" = "array",
    component?: number,
  ) {
    this.array = array;
    this.record = record;
    this.index = index;
    this.level = level;
    this.component = component;
  }

  private access(store: boolean): void {
    const { array, component } = this;
    this.record({ array, store, index: typeof this.index === "number" ? this.index : undefined, component });
  }

  read(): Value {
    this.access(false);
    return undefined;
  }

  write(): void {
    this.access(true);
  }

  part(key: Value | string): Place {
    if (this.level === "array") {
      const index = typeof key === "string" ? undefined : key;
      return new SharedPlace(this.array, this.record, index, "element");
    }
    return new SharedPlace(this.array, this.record, this.index, "component", componentIndex(key));
  }
}
