// The state of the unpickler: position in the bytes, stack, marks and memo, each access checked.
import { copyOf, quote } from "../array_types.ts";
import { opcodeName } from "./opcodes.ts";
import { describeValue, PickleGlobal, type PickleObject, PickleOpaque, type PickleValue } from "./pickle_values.ts";

export interface PickleHost {
  /** Return the global `module.name`, or throw through `fail`. */
  global(path: string, fail: (problem: string) => never): PickleGlobal;
  /** Return the object of a persistent id, or throw through `fail`. */
  persistent(id: PickleValue, fail: (problem: string) => never): PickleObject;
  /** Throw the error for this problem. */
  refuse(problem: string): never;
}

/** Python's integers have any length; 1024 bytes are beyond every use. */
const MAX_LONG_BYTES = 1024;
/** A proper file copies each list at most once; 2^20 leaves room for small files. */
const COPY_ROOM = 2 ** 20;
/** One byte of a pickle can make an empty dict of a hundred bytes; a large network has some ten thousand containers. */
const MAX_CONTAINERS = 2 ** 20;
/** Stack entries searched for the dict key of a result. A Parameter's tensor has one name between. */
const KEY_DEPTH = 3;

/** Return the placeholder that a call of an unknown name, or of a placeholder, makes; else null. */
function opaqueOf(callee: PickleValue): PickleOpaque | null {
  if (callee instanceof PickleOpaque) return callee;
  if (!(callee instanceof PickleGlobal) || callee.refusal === null) return null;
  return new PickleOpaque(callee.path, callee.refusal);
}

export class PickleMachine {
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  private readonly host: PickleHost;
  private readonly stack: PickleValue[] = [];
  private readonly marks: number[] = [];
  private readonly memo = new Map<number, PickleValue>();
  /** Next byte to read. */
  private at: number;
  /** Byte of the current opcode. */
  private opcodeAt: number;
  private copied = 0;
  private containers = 0;

  constructor(bytes: Uint8Array, start: number, host: PickleHost) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.host = host;
    this.at = start;
    this.opcodeAt = start;
  }

  fail(problem: string): never {
    const code = this.bytes[this.opcodeAt];
    return this.host.refuse(`byte ${this.opcodeAt}: ${code === undefined ? "" : `${opcodeName(code)}: `}${problem}`);
  }

  /** Read the next opcode. Errors name its byte from here on. */
  opcode(): number {
    this.opcodeAt = this.at;
    return this.u8();
  }

  /** Move on by n bytes and return the position of the first one. */
  private take(n: number): number {
    const left = this.bytes.length - this.at;
    if (n > left) this.fail(`truncated: expected ${n} bytes from ${this.at}, got ${left}`);
    this.at += n;
    return this.at - n;
  }

  u8(): number {
    return this.bytes[this.take(1)]!;
  }
  u16(): number {
    return this.view.getUint16(this.take(2), true);
  }
  i32(): number {
    return this.view.getInt32(this.take(4), true);
  }
  u32(): number {
    return this.view.getUint32(this.take(4), true);
  }
  /** Read a 64-bit length, which cannot be more than the file. */
  u64(): number {
    const n = this.view.getBigUint64(this.take(8), true);
    if (n <= BigInt(this.bytes.length)) return Number(n);
    return this.fail(`truncated: expected ${n} bytes, got ${this.bytes.length - this.at}`);
  }
  /** Read a big-endian double, the only big-endian number of the format. */
  f64(): number {
    return this.view.getFloat64(this.take(8), false);
  }

  frame(): void {
    if (this.u64() > this.bytes.length - this.at) this.fail("truncated: the frame reaches beyond the end");
  }

  private taken(n: number): Uint8Array {
    const from = this.take(n);
    return this.bytes.subarray(from, from + n);
  }

  text(n: number): string {
    return utf8(this.taken(n)) ?? this.fail("its text is not valid UTF-8");
  }

  /** Read a str of Python 2, which may hold any bytes (a NumPy number): Latin-1 if it is not UTF-8. */
  oldText(n: number): string {
    const raw = this.taken(n);
    return utf8(raw) ?? new TextDecoder("latin1").decode(raw);
  }

  line(): string {
    const end = this.bytes.indexOf(10, this.at);
    if (end < 0) this.fail("truncated: the line has no end");
    const text = this.text(end - this.at);
    this.at++;
    return text;
  }

  long(n: number): number | bigint {
    if (n < 0 || n > MAX_LONG_BYTES) this.fail(`expected an integer of 0 to ${MAX_LONG_BYTES} bytes, got ${n} bytes`);
    let hex = "";
    for (const byte of this.taken(n)) hex = byte.toString(16).padStart(2, "0") + hex;
    const value = n === 0 ? 0n : BigInt.asIntN(8 * n, BigInt(`0x${hex}`));
    return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  }

  push(value: PickleValue): void {
    this.stack.push(value);
  }

  /** Push an object that takes memory. */
  make(value: PickleValue): void {
    this.containers++;
    if (this.containers > MAX_CONTAINERS) this.fail(`more than ${MAX_CONTAINERS} containers`);
    this.stack.push(value);
  }

  makeBytes(n: number): void {
    const from = this.take(n);
    this.make(copyOf(this.bytes, from, this.at));
  }

  makeTuple(n: number): void {
    const items: PickleValue[] = [];
    for (let i = 0; i < n; i++) items.unshift(this.pop());
    this.make(Object.freeze(items));
  }

  top(): PickleValue {
    if (this.stack.length <= (this.marks.at(-1) ?? 0)) this.fail("the stack is empty");
    return this.stack.at(-1) as PickleValue;
  }

  pop(): PickleValue {
    const value = this.top();
    this.stack.pop();
    return value;
  }

  mark(): void {
    this.marks.push(this.stack.length);
  }

  popMark(): PickleValue[] {
    return this.stack.splice(this.marks.pop() ?? this.fail("there is no MARK"));
  }

  popOrMark(): void {
    if (this.stack.length === this.marks.at(-1)) this.marks.pop();
    else this.pop();
  }

  store(key: number = this.memo.size): void {
    this.memo.set(key, this.top());
  }

  load(key: number): void {
    const value = this.memo.get(key);
    this.stack.push(value === undefined ? this.fail(`nothing is stored under ${key}`) : value);
  }

  finish(): { value: PickleValue; next: number } {
    const value = this.pop();
    if (this.stack.length > 0 || this.marks.length > 0) this.fail("expected an empty stack at the end");
    return { value, next: this.at };
  }

  global(module: PickleValue, name: PickleValue): void {
    if (typeof module !== "string" || typeof name !== "string") {
      this.fail(`expected two names, got ${describeValue(module)} and ${describeValue(name)}`);
    }
    this.stack.push(this.host.global(`${module}.${name}`, (problem) => this.fail(problem)));
  }

  persistent(): void {
    const id = this.pop();
    this.make(this.host.persistent(id, this.failNamed()));
  }

  /** Call a function of the host's table; an unknown name makes a placeholder instead. */
  reduce(): void {
    const { args, callee } = this.popCall();
    const unknown = opaqueOf(callee);
    if (unknown) {
      this.make(unknown);
      return;
    }
    if (!(callee instanceof PickleGlobal) || !callee.call) this.fail(`${describeValue(callee)} cannot be called`);
    const spend = (elements: number) => {
      this.copied += elements;
      if (this.copied > this.bytes.length + COPY_ROOM)
        this.fail("copies of copies: far more elements than the file has bytes");
    };
    this.make(callee.call({ args, spend, fail: this.failNamed() }));
  }

  /** Make an object of a class: only the placeholder of an unknown one. */
  newObject(): void {
    this.make(opaqueOf(this.popCall().callee) ?? this.fail("is not allowed in a weights file"));
  }

  private popCall(): { args: readonly PickleValue[]; callee: PickleValue } {
    const args = this.pop();
    const callee = this.pop();
    if (!Array.isArray(args) || !Object.isFrozen(args)) this.fail(`expected a tuple, got ${describeValue(args)}`);
    return { args: args as readonly PickleValue[], callee };
  }

  /** Return a `fail` that names the nearest string on the stack, which is the dict key of the result. */
  private failNamed(): (problem: string) => never {
    const key = this.stack.slice(-KEY_DEPTH).findLast((value) => typeof value === "string");
    return (problem) => this.fail(key === undefined ? problem : `at ${quote(key)}: ${problem}`);
  }
}

function utf8(bytes: Uint8Array): string | null {
  try {
    // Without ignoreBOM a name that starts with a byte order mark would lose it.
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}
