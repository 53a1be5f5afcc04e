// What comes out of a pickle.
import { quote } from "../array_types.ts";

/** What a host makes for a pickle: tensors, storages, names. */
export abstract class PickleObject {
  /** What it is, for error messages. */
  abstract readonly what: string;
}

/** Lists are arrays, tuples frozen arrays, dicts Maps, whole numbers beyond 2^53 bigints, bytes Uint8Arrays. */
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

/** What a function of the host's table is told. */
export interface PickleCall {
  readonly args: readonly PickleValue[];
  /** To be told how many elements are copied: a small file could else ask for a large list a million times. */
  spend(elements: number): void;
  /** Throws the error for this problem, with the dict key that the result would have had. */
  fail(problem: string): never;
}

/**
 * A global. With `call` it may be reduced; without, it is only a name. One with a `refusal` is known to nobody here: what
 * is made of it is a PickleOpaque.
 */
export class PickleGlobal extends PickleObject {
  readonly path: string;
  readonly call: ((call: PickleCall) => PickleValue) | null;
  readonly refusal: string | null;
  constructor(path: string, call: ((call: PickleCall) => PickleValue) | null = null, refusal: string | null = null) {
    super();
    this.path = path;
    this.call = call;
    this.refusal = refusal;
  }
  get what(): string {
    return this.path;
  }
}

/** Stands for an object of a class that is not known here. Nothing was called to make it, and what it held is dropped. */
export class PickleOpaque extends PickleObject {
  /** Why it cannot be a weight, for who finds it where one should be. */
  readonly refusal: string;
  readonly what: string;
  constructor(what: string, refusal: string) {
    super();
    this.what = what;
    this.refusal = refusal;
  }
}

/** What a value is, in a word or two of Python. */
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
