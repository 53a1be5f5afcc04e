// Values of a pickle.
import { quote } from "../array_types.ts";

/** An object that a host makes for a pickle: tensor, storage, name. */
export abstract class PickleObject {
  /** Description for error messages. */
  abstract readonly what: string;
}

/** Lists are arrays, tuples frozen arrays, dicts Maps, integers beyond 2^53 bigints, bytes Uint8Arrays. */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | readonly PickleValue[]
  | Map<PickleValue, PickleValue>
  | Set<PickleValue>
  | PickleObject;

/** Arguments of a function of the host's table. */
export interface PickleCall {
  readonly args: readonly PickleValue[];
  /** Count copied elements: a small file could otherwise copy a large list a million times. */
  spend(elements: number): void;
  /** Throw the error for this problem, with the dict key of the result. */
  fail(problem: string): never;
}

/**
 * A global. With `call` it may be reduced; without, it is only a name. A `refusal` marks an unknown name, which makes a
 * PickleOpaque.
 */
export class PickleGlobal extends PickleObject {
  /** Dotted name. */
  readonly path: string;
  /** Function that makes its result; null: it cannot be called. */
  readonly call: ((call: PickleCall) => PickleValue) | null;
  /** Reason why it makes only a placeholder, or null. */
  readonly refusal: string | null;
  constructor(path: string, call: ((call: PickleCall) => PickleValue) | null = null, refusal: string | null = null) {
    super();
    this.path = path;
    this.call = call;
    this.refusal = refusal;
  }
  /** Description for error messages. */
  get what(): string {
    return this.path;
  }
}

/** Placeholder of an object of an unknown class. Nothing was called to make it, and its content is dropped. */
export class PickleOpaque extends PickleObject {
  /** Why it cannot be a weight. */
  readonly refusal: string;
  /** Description for error messages. */
  readonly what: string;
  constructor(what: string, refusal: string) {
    super();
    this.what = what;
    this.refusal = refusal;
  }
}

/** Describe a value in a word or two of Python. */
export function describeValue(value: PickleValue | undefined): string {
  if (value === undefined) return "nothing";
  if (value === null) return "None";
  if (value instanceof PickleObject) return value.what;
  if (value instanceof Map) return "a dict";
  if (value instanceof Set) return "a set";
  if (value instanceof Uint8Array) return "bytes";
  if (Array.isArray(value)) return Object.isFrozen(value) ? "a tuple" : "a list";
  return typeof value === "bigint" ? `${value.toString().slice(0, 40)}` : quote(value);
}
