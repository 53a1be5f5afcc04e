// Counts the instructions of a stage: one turn of the loop with unknown trips around the densest code, with inner loops
// times their trips. A kernel without such a loop is one stage.
import { type Flow, flowOf, type Loop } from "./flow.ts";
import { KINDS, type Kind, type Listing, type Op, type Wait } from "./listing.ts";

export interface Counts {
  readonly instructions: number;
  /** Sum of the issue delays, where the assembly names them. */
  readonly cycles: number;
  readonly kinds: Readonly<Record<Kind, number>>;
}

export interface Stage extends Counts {
  /** Share of multiply-adds and matrix instructions among the instructions. */
  readonly share: number;
  /** The same in the shortest part of the stage that has nine tenths of them. */
  readonly innerShare: number;
  /** Loads from global memory by their bits per invocation. */
  readonly loadBits: Readonly<Record<string, number>>;
  /** Loads pending when the first instruction waits for one. */
  readonly inFlight: number;
  /** Waits for loads. Waits without a new load between them count once. */
  readonly waits: number;
}

/** Instructions of a stage at most; the rest of its turns is not counted. */
const LONGEST = 400_000;
const MOST_CONSTANT_TRIPS = 4096;
const MOST_OF_THEM = 0.9;

export function count(ops: readonly Op[]): Counts {
  const kinds = Object.fromEntries(KINDS.map((kind) => [kind, 0])) as Record<Kind, number>;
  let instructions = 0;
  let cycles = 0;
  for (const op of ops) {
    instructions += op.issued;
    cycles += op.cycles;
    for (const kind of KINDS) kinds[kind] += op.kinds[kind] ?? 0;
  }
  return { instructions, cycles, kinds };
}

const addsOf = ({ kinds }: { kinds: Op["kinds"] }): number =>
  (kinds.fma ?? 0) + (kinds.packed ?? 0) + (kinds.matrix ?? 0);

/** Multiply-adds of any form. */
export const multiplyAdds = (counts: Counts): number => addsOf(counts);

const isConstant = (loop: Loop): boolean => loop.trips !== null && loop.trips <= MOST_CONSTANT_TRIPS;
const turnsOf = (loop: Loop): number => (isConstant(loop) ? loop.trips! : 1);

const contains = (outer: Loop, inner: Loop): boolean =>
  outer.blocks.size > inner.blocks.size && outer.blocks.has(inner.header);

/** Write out the blocks of a loop, or of the kernel, in the order of execution, with the turns of the loops inside. */
function writeOut({ blocks, loops }: Flow, within: Iterable<number>, around: Loop | null): Op[] {
  const inner = loops.filter((loop) => loop !== around && (!around || contains(around, loop)));
  const out: Op[] = [];
  const done = new Set<number>();
  for (const block of within) {
    if (done.has(block)) continue;
    const loop = inner.find(({ header }) => header === block);
    if (!loop) {
      done.add(block);
      out.push(...blocks[block]!.ops);
      continue;
    }
    for (const part of loop.blocks) done.add(part);
    const body = writeOut({ blocks, loops, order: [] }, loop.blocks, loop);
    for (let turn = 0; turn < turnsOf(loop) && out.length < LONGEST; turn++) for (const op of body) out.push(op);
  }
  return out;
}

/** Multiply-adds of a lane in one instruction on matrices of 16x16x16. */
const PER_MATRIX = 128;

/** Work of a stage: multiply-adds, and accesses to global memory. */
const workOf = ({ kinds }: Counts): number =>
  kinds.fma + kinds.packed + PER_MATRIX * kinds.matrix + kinds.load + kinds.store;

/** Return the loop that is a stage: the smallest one of unknown trips that has half of the kernel's work. */
function stageLoop(flow: Flow): Loop | null {
  const least = workOf(count(writeOut(flow, flow.order, null))) / 2;
  const hot = flow.loops.filter(
    (loop) => !isConstant(loop) && workOf(count(writeOut(flow, loop.blocks, loop))) >= least,
  );
  return hot.at(-1) ?? null;
}

type Pending = readonly (readonly string[])[];

/** Return the loads that are pending after a wait. */
function settle(pending: Pending, wait: Wait): Pending {
  if (wait.kind === "all") return [];
  if (wait.kind === "atMost") return wait.left >= pending.length ? pending : pending.slice(pending.length - wait.left);
  return pending.filter((tokens) => !tokens.some((token) => wait.tokens.includes(token)));
}

/** Loads on their way while a stage is followed. */
class PendingLoads {
  /** Number of waits so far. Waits without a new load between them count once. */
  waits = 0;
  /** Loads pending at the first wait; 0 before it. */
  atFirstWait = 0;
  private pending: Pending = [];
  private fresh = false;

  get count(): number {
    return this.pending.length;
  }

  follow({ wait, load }: Op): void {
    const { pending } = this;
    const left = wait && pending.length > 0 ? settle(pending, wait) : pending;
    if (left.length < pending.length && this.fresh) {
      this.waits++;
      this.atFirstWait ||= pending.length;
      this.fresh = false;
    }
    this.pending = load ? [...left, load.tokens] : left;
    if (load) this.fresh = true;
  }
}

/** Follow the loads of a stage through two turns, and count waits in the second: loads may be pending at its start. */
function followLoads(ops: readonly Op[]): { inFlight: number; waits: number } {
  const loads = new PendingLoads();
  for (const op of ops) loads.follow(op);
  const { waits } = loads;
  for (const op of ops) loads.follow(op);
  return { inFlight: loads.atFirstWait || loads.count, waits: loads.waits - waits };
}

/** Return the share of multiply-adds in the shortest part of the stage that has most of them. The stage may begin inside it. */
function densestShare(ops: readonly Op[]): number {
  const wanted = MOST_OF_THEM * ops.reduce((sum, op) => sum + addsOf(op), 0);
  if (wanted === 0) return 0;
  const twice = [...ops, ...ops];
  let best = Number.POSITIVE_INFINITY;
  let share = 0;
  let start = 0;
  let adds = 0;
  let issued = 0;
  for (const op of twice) {
    adds += addsOf(op);
    issued += op.issued;
    for (let first = twice[start]!; adds - addsOf(first) >= wanted; first = twice[++start]!) {
      adds -= addsOf(first);
      issued -= first.issued;
    }
    if (adds >= wanted && issued < best) {
      best = issued;
      share = adds / issued;
    }
  }
  return share;
}

/** Count the instructions of a kernel's stage. */
export function stageOf(listing: Listing): Stage {
  const flow = flowOf(listing);
  const loop = stageLoop(flow);
  const ops = writeOut(flow, loop ? loop.blocks : flow.order, loop);
  const counts = count(ops);
  const loadBits: Record<string, number> = {};
  for (const { load } of ops) if (load) loadBits[load.bits] = (loadBits[load.bits] ?? 0) + 1;
  const share = counts.instructions > 0 ? multiplyAdds(counts) / counts.instructions : 0;
  return { ...counts, share, innerShare: densestShare(ops), loadBits, ...followLoads(ops) };
}
