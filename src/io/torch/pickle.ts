// A restricted unpickler: it builds containers, numbers and strings, and asks its host for everything else. It has no way
// to call anything but the functions of the host's own table.
import { copyOf, quote } from "../array_types.ts";
import { OP, opcodeName } from "./opcodes.ts";
import { describeValue, PickleGlobal, type PickleObject, PickleOpaque, type PickleValue } from "./pickle_values.ts";

export interface PickleHost {
  /** The global `module.name`, or throws through `fail`. */
  global(path: string, fail: (problem: string) => never): PickleGlobal;
  /** The object behind a persistent id, or throws through `fail`. */
  persistent(id: PickleValue, fail: (problem: string) => never): PickleObject;
  /** Throws the error for this problem. */
  refuse(problem: string): never;
}

/** Python's own numbers are of any length; 1024 bytes are beyond every use. */
const MAX_LONG_BYTES = 1024;
/** A proper file copies each list once at most; 2^20 leaves room for small files. */
const COPY_ROOM = 2 ** 20;
/** One byte of a pickle can make an empty dict of a hundred; a large network has some ten thousand containers. */
const MAX_CONTAINERS = 2 ** 20;
/** How far below on the stack the dict key of what is being made is looked for: a Parameter's tensor has one name between. */
const BELOW = 3;

/** What calling a name makes that is not known here, or something that was made of one; else null. */
function opaqueOf(callee: PickleValue): PickleOpaque | null {
  if (callee instanceof PickleOpaque) return callee;
  if (!(callee instanceof PickleGlobal) || callee.refusal === null) return null;
  return new PickleOpaque(callee.path, callee.refusal);
}

/**
 * Reads one pickle, protocol 2 to 5, that starts at `start`; `next` is the byte after its STOP.
 *
 * Only what the tables of opcodes.ts list is carried out; REDUCE calls functions of the host's own and nothing else: of a
 * name that the host does not know it makes a PickleOpaque, which takes and drops whatever comes. BUILD on a dict drops what
 * it is given (PyTorch leaves module versions there). Nothing here recurses, and time and memory
 * are at most proportional to the bytes.
 *
 * Errors    through host.refuse, with byte and opcode: another opcode, truncated, a stack or memo used wrongly, a value of
 *           the wrong kind.
 * Source    Python's pickletools module, which documents the format.
 */
export function readPickle(bytes: Uint8Array, start: number, host: PickleHost): { value: PickleValue; next: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const stack: PickleValue[] = [];
  const marks: number[] = [];
  const memo = new Map<number, PickleValue>();
  let at = start;
  let begin = start;
  let copied = 0;
  let containers = 0;

  const fail = (problem: string): never => {
    const code = bytes[begin];
    return host.refuse(`byte ${begin}: ${code === undefined ? "" : `${opcodeName(code)}: `}${problem}`);
  };
  /** Moves on by n bytes and tells where they were. */
  const take = (n: number): number => {
    if (n > bytes.length - at) fail(`truncated: it wants ${n} bytes from ${at}, there are ${bytes.length - at}`);
    at += n;
    return at - n;
  };
  const length8 = (): number => {
    const n = view.getBigUint64(take(8), true);
    return n > BigInt(bytes.length)
      ? fail(`truncated: it wants ${n} bytes, there are ${bytes.length - at}`)
      : Number(n);
  };
  const pop = (): PickleValue => {
    if (stack.length <= (marks.at(-1) ?? 0)) fail("the stack is empty");
    return stack.pop() as PickleValue;
  };
  const top = (): PickleValue => {
    if (stack.length <= (marks.at(-1) ?? 0)) fail("the stack is empty");
    return stack.at(-1) as PickleValue;
  };
  const popMark = (): PickleValue[] => stack.splice(marks.pop() ?? fail("there is no MARK"));
  const text = (n: number): string => {
    const from = take(n);
    try {
      // Without ignoreBOM a name that starts with one would lose it.
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes.subarray(from, from + n));
    } catch {
      return fail("its text is not valid UTF-8");
    }
  };
  /** A str of Python 2, which may be any bytes, such as those of a NumPy number: read as Latin-1 where it is no UTF-8. */
  const oldText = (n: number): string => {
    const from = take(n);
    const raw = bytes.subarray(from, from + n);
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(raw);
    } catch {
      return new TextDecoder("latin1").decode(raw);
    }
  };
  /** Pushes what is an object of its own in memory. */
  const make = (value: PickleValue) => {
    containers++;
    if (containers > MAX_CONTAINERS) fail(`more than ${MAX_CONTAINERS} containers`);
    stack.push(value);
  };
  const blob = (n: number) => {
    const from = take(n);
    make(copyOf(bytes, from, at));
  };
  const line = (): string => {
    const end = bytes.indexOf(10, at);
    if (end < 0) fail("truncated: its line has no end");
    const words = text(end - at);
    at++;
    return words;
  };
  const long = (n: number): number | bigint => {
    if (n < 0 || n > MAX_LONG_BYTES) fail(`a whole number of ${n} bytes`);
    const from = take(n);
    let hex = "";
    for (let i = n - 1; i >= 0; i--) hex += bytes[from + i]!.toString(16).padStart(2, "0");
    const value = n === 0 ? 0n : BigInt.asIntN(8 * n, BigInt(`0x${hex}`));
    return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  };
  const tuple = (n: number) => {
    const items: PickleValue[] = [];
    for (let i = 0; i < n; i++) items.unshift(pop());
    make(Object.freeze(items));
  };
  const extend = (items: readonly PickleValue[]) => {
    const list = top();
    if (list instanceof PickleOpaque) return;
    if (!Array.isArray(list) || Object.isFrozen(list)) return fail(`wants a list, has ${describeValue(list)}`);
    for (const item of items) list.push(item);
  };
  const setItems = (items: readonly PickleValue[]) => {
    const dict = top();
    if (dict instanceof PickleOpaque) return;
    if (!(dict instanceof Map)) return fail(`wants a dict, has ${describeValue(dict)}`);
    if (items.length % 2 !== 0) fail("a key has no value");
    for (let i = 0; i < items.length; i += 2) dict.set(items[i] as PickleValue, items[i + 1] as PickleValue);
  };
  const get = (key: number) => {
    const value = memo.get(key);
    stack.push(value === undefined ? fail(`nothing is stored under ${key}`) : value);
  };
  const global = (module: PickleValue, name: PickleValue) => {
    if (typeof module !== "string" || typeof name !== "string") {
      return fail(`wants two names, has ${describeValue(module)} and ${describeValue(name)}`);
    }
    stack.push(host.global(`${module}.${name}`, fail));
  };
  /** `fail` for what a host makes: it names the string that stands nearest on the stack, the dict key of the result. */
  const failing = () => {
    const key = stack.slice(-BELOW).findLast((value) => typeof value === "string");
    return (problem: string): never => fail(key === undefined ? problem : `at ${quote(key)}: ${problem}`);
  };
  const reduce = () => {
    const args = pop();
    const callee = pop();
    if (!Array.isArray(args) || !Object.isFrozen(args)) return fail(`wants a tuple, has ${describeValue(args)}`);
    const unknown = opaqueOf(callee);
    if (unknown) return make(unknown);
    if (!(callee instanceof PickleGlobal) || !callee.call) return fail(`${describeValue(callee)} cannot be called`);
    const spend = (elements: number) => {
      copied += elements;
      if (copied > bytes.length + COPY_ROOM) fail("copies of copies: far more elements than the file has bytes");
    };
    make(callee.call({ args: args as readonly PickleValue[], spend, fail: failing() }));
  };
  /** NEWOBJ: only of what is not known, which makes nothing. */
  const newObject = () => {
    const args = pop();
    const made = opaqueOf(pop());
    if (!Array.isArray(args) || !Object.isFrozen(args)) return fail(`wants a tuple, has ${describeValue(args)}`);
    make(made ?? fail("is not allowed in a weights file"));
  };

  for (;;) {
    begin = at;
    const code = bytes[take(1)]!;
    switch (code) {
      case OP.PROTO: {
        const protocol = bytes[take(1)]!;
        if (protocol < 2 || protocol > 5) fail(`protocol ${protocol}, 2 to 5 are read`);
        break;
      }
      case OP.FRAME:
        if (length8() > bytes.length - at) fail("truncated: the frame reaches beyond the end");
        break;
      case OP.STOP: {
        const value = pop();
        if (stack.length > 0 || marks.length > 0) fail("the stack still holds something");
        return { value, next: at };
      }
      case OP.MARK:
        marks.push(stack.length);
        break;
      case OP.POP:
        if (stack.length === marks.at(-1)) marks.pop();
        else pop();
        break;
      case OP.POP_MARK:
        popMark();
        break;
      case OP.DUP:
        stack.push(top());
        break;
      case OP.NONE:
        stack.push(null);
        break;
      case OP.NEWTRUE:
        stack.push(true);
        break;
      case OP.NEWFALSE:
        stack.push(false);
        break;
      case OP.BININT:
        stack.push(view.getInt32(take(4), true));
        break;
      case OP.BININT1:
        stack.push(bytes[take(1)]!);
        break;
      case OP.BININT2:
        stack.push(view.getUint16(take(2), true));
        break;
      case OP.LONG1:
        stack.push(long(bytes[take(1)]!));
        break;
      case OP.LONG4:
        stack.push(long(view.getInt32(take(4), true)));
        break;
      case OP.BINFLOAT:
        stack.push(view.getFloat64(take(8), false));
        break;
      case OP.SHORT_BINUNICODE:
        stack.push(text(bytes[take(1)]!));
        break;
      case OP.BINUNICODE:
        stack.push(text(view.getUint32(take(4), true)));
        break;
      case OP.SHORT_BINSTRING:
        stack.push(oldText(bytes[take(1)]!));
        break;
      case OP.BINSTRING:
        stack.push(oldText(view.getUint32(take(4), true)));
        break;
      case OP.BINUNICODE8:
        stack.push(text(length8()));
        break;
      case OP.SHORT_BINBYTES:
        blob(bytes[take(1)]!);
        break;
      case OP.BINBYTES:
        blob(view.getUint32(take(4), true));
        break;
      case OP.BINBYTES8:
      case OP.BYTEARRAY8:
        blob(length8());
        break;
      case OP.EMPTY_TUPLE:
        tuple(0);
        break;
      case OP.TUPLE1:
        tuple(1);
        break;
      case OP.TUPLE2:
        tuple(2);
        break;
      case OP.TUPLE3:
        tuple(3);
        break;
      case OP.TUPLE:
        make(Object.freeze(popMark()));
        break;
      case OP.EMPTY_LIST:
        make([]);
        break;
      case OP.APPEND:
        extend([pop()]);
        break;
      case OP.APPENDS:
        extend(popMark());
        break;
      case OP.EMPTY_DICT:
        make(new Map());
        break;
      case OP.SETITEM: {
        const value = pop();
        setItems([pop(), value]);
        break;
      }
      case OP.SETITEMS:
        setItems(popMark());
        break;
      case OP.EMPTY_SET:
        make(new Set<PickleValue>());
        break;
      case OP.ADDITEMS: {
        const items = popMark();
        const set = top();
        if (set instanceof PickleOpaque) break;
        if (!(set instanceof Set)) fail(`wants a set, has ${describeValue(set)}`);
        for (const item of items) (set as Set<PickleValue>).add(item);
        break;
      }
      case OP.FROZENSET:
        make(new Set(popMark()));
        break;
      case OP.BINPUT:
        memo.set(bytes[take(1)]!, top());
        break;
      case OP.LONG_BINPUT:
        memo.set(view.getUint32(take(4), true), top());
        break;
      case OP.MEMOIZE:
        memo.set(memo.size, top());
        break;
      case OP.BINGET:
        get(bytes[take(1)]!);
        break;
      case OP.LONG_BINGET:
        get(view.getUint32(take(4), true));
        break;
      case OP.GLOBAL: {
        const module = line();
        global(module, line());
        break;
      }
      case OP.STACK_GLOBAL: {
        const name = pop();
        global(pop(), name);
        break;
      }
      case OP.REDUCE:
        reduce();
        break;
      case OP.NEWOBJ:
        newObject();
        break;
      case OP.NEWOBJ_EX:
        pop();
        newObject();
        break;
      case OP.BINPERSID: {
        const id = pop();
        make(host.persistent(id, failing()));
        break;
      }
      case OP.BUILD: {
        const state = pop();
        if (top() instanceof PickleOpaque) break;
        if (!(state instanceof Map) || !(top() instanceof Map)) {
          fail(`only a dict may be given attributes, was ${describeValue(top())}`);
        }
        break;
      }
      default:
        fail("is not allowed in a weights file");
    }
  }
}
