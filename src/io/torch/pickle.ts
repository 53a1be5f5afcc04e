// A restricted unpickler: it builds containers, numbers and strings, and asks its host for everything else. It can call
// nothing but the functions of the host's own table.
import { OP } from "./opcodes.ts";
import { type PickleHost, PickleMachine } from "./pickle_machine.ts";
import { describeValue, PickleOpaque, type PickleValue } from "./pickle_values.ts";

function extend(m: PickleMachine, items: readonly PickleValue[]): void {
  const list = m.top();
  if (list instanceof PickleOpaque) return;
  if (!Array.isArray(list) || Object.isFrozen(list)) m.fail(`expected a list, got ${describeValue(list)}`);
  for (const item of items) list.push(item);
}

function setItems(m: PickleMachine, items: readonly PickleValue[]): void {
  const dict = m.top();
  if (dict instanceof PickleOpaque) return;
  if (!(dict instanceof Map)) m.fail(`expected a dict, got ${describeValue(dict)}`);
  if (items.length % 2 !== 0) m.fail("a key has no value");
  for (let i = 0; i < items.length; i += 2) dict.set(items[i]!, items[i + 1]!);
}

function addItems(m: PickleMachine, items: readonly PickleValue[]): void {
  const set = m.top();
  if (set instanceof PickleOpaque) return;
  if (!(set instanceof Set)) m.fail(`expected a set, got ${describeValue(set)}`);
  for (const item of items) set.add(item);
}

function build(m: PickleMachine): void {
  const state = m.pop();
  const target = m.top();
  if (target instanceof PickleOpaque || (state instanceof Map && target instanceof Map)) return;
  m.fail(`expected a dict to set attributes on, got ${describeValue(target)}`);
}

function protocol(m: PickleMachine): void {
  const version = m.u8();
  if (version < 2 || version > 5) m.fail(`expected protocol 2 to 5, got ${version}`);
}

type Step = (m: PickleMachine) => void;

/** One step for each opcode but STOP; the type refuses an opcode without a step. */
const steps: Readonly<Record<Exclude<keyof typeof OP, "STOP">, Step>> = {
  PROTO: protocol,
  FRAME: (m) => m.frame(),

  MARK: (m) => m.mark(),
  POP: (m) => m.popOrMark(),
  POP_MARK: (m) => void m.popMark(),
  DUP: (m) => m.push(m.top()),

  NONE: (m) => m.push(null),
  NEWTRUE: (m) => m.push(true),
  NEWFALSE: (m) => m.push(false),
  BININT: (m) => m.push(m.i32()),
  BININT1: (m) => m.push(m.u8()),
  BININT2: (m) => m.push(m.u16()),
  LONG1: (m) => m.push(m.long(m.u8())),
  LONG4: (m) => m.push(m.long(m.i32())),
  BINFLOAT: (m) => m.push(m.f64()),

  SHORT_BINUNICODE: (m) => m.push(m.text(m.u8())),
  BINUNICODE: (m) => m.push(m.text(m.u32())),
  BINUNICODE8: (m) => m.push(m.text(m.u64())),
  SHORT_BINSTRING: (m) => m.push(m.oldText(m.u8())),
  BINSTRING: (m) => m.push(m.oldText(m.u32())),
  SHORT_BINBYTES: (m) => m.makeBytes(m.u8()),
  BINBYTES: (m) => m.makeBytes(m.u32()),
  BINBYTES8: (m) => m.makeBytes(m.u64()),
  BYTEARRAY8: (m) => m.makeBytes(m.u64()),

  EMPTY_TUPLE: (m) => m.makeTuple(0),
  TUPLE1: (m) => m.makeTuple(1),
  TUPLE2: (m) => m.makeTuple(2),
  TUPLE3: (m) => m.makeTuple(3),
  TUPLE: (m) => m.make(Object.freeze(m.popMark())),
  EMPTY_LIST: (m) => m.make([]),
  APPEND: (m) => extend(m, [m.pop()]),
  APPENDS: (m) => extend(m, m.popMark()),
  EMPTY_DICT: (m) => m.make(new Map()),
  SETITEM: (m) => {
    const value = m.pop();
    setItems(m, [m.pop(), value]);
  },
  SETITEMS: (m) => setItems(m, m.popMark()),
  EMPTY_SET: (m) => m.make(new Set<PickleValue>()),
  ADDITEMS: (m) => addItems(m, m.popMark()),
  FROZENSET: (m) => m.make(new Set(m.popMark())),

  BINPUT: (m) => m.store(m.u8()),
  LONG_BINPUT: (m) => m.store(m.u32()),
  MEMOIZE: (m) => m.store(),
  BINGET: (m) => m.load(m.u8()),
  LONG_BINGET: (m) => m.load(m.u32()),

  GLOBAL: (m) => {
    const module = m.line();
    m.global(module, m.line());
  },
  STACK_GLOBAL: (m) => {
    const name = m.pop();
    m.global(m.pop(), name);
  },
  REDUCE: (m) => m.reduce(),
  NEWOBJ: (m) => m.newObject(),
  NEWOBJ_EX: (m) => {
    m.pop();
    m.newObject();
  },
  BINPERSID: (m) => m.persistent(),
  BUILD: build,
};

const stepOf: ReadonlyMap<number, Step> = new Map(
  Object.entries(steps).map(([name, step]) => [OP[name as keyof typeof OP], step]),
);

/**
 * Read one pickle, protocol 2 to 5, that starts at `start`; `next` is the byte after its STOP.
 *
 * Only the opcodes of opcodes.ts are carried out. REDUCE calls the host's own functions and nothing else: an unknown name
 * makes a PickleOpaque, which accepts and drops everything. BUILD on a dict drops its state (PyTorch leaves module versions
 * there). Nothing here recurses; time and memory are at most proportional to the bytes.
 *
 * Errors    through host.refuse, with byte and opcode: another opcode, truncated data, wrong use of stack or memo, a value
 *           of the wrong kind.
 * Source    Python's pickletools module, which documents the format.
 */
export function readPickle(bytes: Uint8Array, start: number, host: PickleHost): { value: PickleValue; next: number } {
  const machine = new PickleMachine(bytes, start, host);
  for (;;) {
    const code = machine.opcode();
    if (code === OP.STOP) return machine.finish();
    const step = stepOf.get(code) ?? machine.fail("is not allowed in a weights file");
    step(machine);
  }
}
