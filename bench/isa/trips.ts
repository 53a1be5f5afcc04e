// Finds the constant trips of a loop: a register that grows by a constant in each turn and is compared with a constant.
import type { Block, Effect, Op } from "./listing.ts";

/** Blocks of one loop among those of a kernel. */
interface LoopBlocks {
  readonly blocks: readonly Block[];
  readonly header: number;
  readonly body: ReadonlySet<number>;
}

/** Value of a register: another register's value at the start of the turn, plus a constant. Null: unknown. */
type Value = { readonly base: string; readonly offset: number } | null;
type State = Map<string, Value>;

/** Turns beyond which a counter guards against endless loops and does not bound a real one. */
const MOST_TRIPS = 2 ** 20;

const valueIn = (state: State, register: string): Value =>
  state.has(register) ? state.get(register)! : { base: register, offset: 0 };

function apply(state: State, effect: Effect): void {
  if (effect.kind === "copy") state.set(effect.to, valueIn(state, effect.from));
  else if (effect.kind === "add") {
    const from = valueIn(state, effect.from);
    state.set(effect.to, from && { base: from.base, offset: from.offset + effect.by });
  } else state.set(effect.to, null);
}

const isUnchanged = (register: string, value: Value): boolean => value?.base === register && value.offset === 0;

/**
 * Join the states of two paths. A path that leaves a register as it was may be the one that ends the loop, so the other
 * path's value counts.
 */
function join(a: State, b: State): State {
  const joined: State = new Map();
  for (const register of new Set([...a.keys(), ...b.keys()])) {
    const [x, y] = [valueIn(a, register), valueIn(b, register)];
    if (x?.base === y?.base && x?.offset === y?.offset) joined.set(register, x);
    else if (isUnchanged(register, x) || (x && y && x.base === y.base && x.offset === 0)) joined.set(register, y);
    else joined.set(register, isUnchanged(register, y) || (x && y && x.base === y.base && y.offset === 0) ? x : null);
  }
  return joined;
}

interface Test {
  readonly value: Value;
  readonly bound: number;
}

/** Return the state before a block: that of the blocks of this turn which lead to it. */
function stateBefore({ blocks }: LoopBlocks, states: ReadonlyMap<number, State>, block: number): State {
  const before = [...states].filter(([from]) => blocks[from]!.next.includes(block)).map(([, state]) => state);
  return before.length > 0 ? before.reduce(join, before[0]!) : new Map();
}

/** Follow all registers through one turn. Return their values at its end, and the comparisons with constants. */
function followTurn(loop: LoopBlocks): { end: State; tests: Test[] } {
  const states = new Map<number, State>();
  const tests: Test[] = [];
  for (const block of loop.body) {
    const state = new Map(stateBefore(loop, states, block));
    for (const { compare, effect } of loop.blocks[block]!.ops) {
      if (compare) tests.push({ value: valueIn(state, compare.register), bound: compare.bound });
      if (effect) apply(state, effect);
    }
    states.set(block, state);
  }
  return { end: stateBefore(loop, states, loop.header), tests };
}

/** Return the constant that a register has at the end of the given instructions, through copies; 0 if it is not constant. */
function constantAtEnd(ops: readonly Op[], register: string): number {
  let end = ops.length;
  let at = register;
  for (let copies = 0; copies < 8; copies++) {
    const last = ops.slice(0, end).findLastIndex(({ effect }) => effect?.to === at);
    const effect = ops[last]?.effect;
    if (effect?.kind === "constant") return effect.value;
    if (effect?.kind !== "copy") return 0;
    at = effect.from;
    end = last;
  }
  return 0;
}

/**
 * Return the constant trips of a loop, or null. A counter with an unknown start counts from 0, as one that starts at an
 * invocation's index does for the first invocation.
 */
export function countTrips(loop: LoopBlocks): number | null {
  const { end, tests } = followTurn(loop);
  const before = loop.blocks.slice(0, loop.header).flatMap(({ ops }, i) => (loop.body.has(i) ? [] : ops));
  let least: number | null = null;
  for (const { value, bound } of tests) {
    if (!value) continue;
    const next = valueIn(end, value.base);
    if (next?.base !== value.base || next.offset === 0) continue;
    const trips = Math.ceil((bound - constantAtEnd(before, value.base)) / next.offset);
    if (trips >= 1 && trips <= MOST_TRIPS && (least === null || trips < least)) least = trips;
  }
  return least;
}
