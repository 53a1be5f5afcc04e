// Basic blocks and loops, from the branches of a listing.
import type { Block, Listing } from "./listing.ts";
import { countTrips } from "./trips.ts";

export interface Loop {
  readonly header: number;
  /** Blocks in the order of execution. */
  readonly blocks: ReadonlySet<number>;
  /** Constant number of turns, or null. */
  readonly trips: number | null;
}

export interface Flow {
  readonly blocks: readonly Block[];
  /** Reachable blocks in the order of execution: a block follows all blocks that lead to it, except by a loop's end. */
  readonly order: readonly number[];
  /** Loops, the largest first. */
  readonly loops: readonly Loop[];
}

/** Find the blocks and loops of a listing. */
export function flowOf(listing: Listing): Flow {
  const blocks = blocksOf(listing);
  const { order, backEdges } = walk(blocks);
  const bodies = new Map<number, Set<number>>();
  for (const [from, header] of backEdges) {
    const body = bodies.get(header) ?? new Set([header]);
    bodies.set(header, body);
    collect(blocks, from, body);
  }
  const loops = [...bodies].map(([header, body]): Loop => {
    const sorted = new Set(order.filter((block) => body.has(block)));
    return { header, blocks: sorted, trips: countTrips({ blocks, header, body: sorted }) };
  });
  return { blocks, order, loops: loops.sort((a, b) => b.blocks.size - a.blocks.size) };
}

function blocksOf({ ops, labels }: Listing): Block[] {
  const starts = new Set([0, ...labels.values()]);
  ops.forEach((op, i) => {
    if (op.target !== undefined || op.ends) starts.add(i + 1);
  });
  const sorted = [...starts].filter((start) => start < ops.length).sort((a, b) => a - b);
  const blockAt = new Map(sorted.map((start, block) => [start, block]));
  return sorted.map((start, block) => {
    const end = sorted[block + 1] ?? ops.length;
    const last = ops[end - 1]!;
    const target = last.target === undefined ? undefined : blockAt.get(labels.get(last.target) ?? -1);
    const next = [
      ...(last.ends || block + 1 >= sorted.length ? [] : [block + 1]),
      ...(target === undefined ? [] : [target]),
    ];
    return { ops: ops.slice(start, end), start, next };
  });
}

/** Walk the blocks depth first. An edge to a block on the current path ends a loop. */
function walk(blocks: readonly Block[]): { order: number[]; backEdges: [from: number, header: number][] } {
  const state = new Map<number, "open" | "done">();
  const order: number[] = [];
  const backEdges: [number, number][] = [];
  const path: { block: number; taken: number }[] = [];
  const enter = (block: number) => {
    state.set(block, "open");
    path.push({ block, taken: 0 });
  };
  if (blocks.length > 0) enter(0);
  while (path.length > 0) {
    const top = path.at(-1)!;
    // The branch's target first: the rest of a loop then comes before the code after it in the final order.
    const next = blocks[top.block]!.next.toReversed()[top.taken++];
    if (next === undefined) {
      state.set(top.block, "done");
      order.unshift(top.block);
      path.pop();
    } else if (state.get(next) === "open") backEdges.push([top.block, next]);
    else if (!state.has(next)) enter(next);
  }
  return { order, backEdges };
}

/** Add the blocks to a loop's body that reach its last block without passing its header. */
function collect(blocks: readonly Block[], from: number, body: Set<number>): void {
  const open = [from];
  for (let block = open.pop(); block !== undefined; block = open.pop()) {
    if (body.has(block)) continue;
    body.add(block);
    blocks.forEach(({ next }, i) => {
      if (next.includes(block!)) open.push(i);
    });
  }
}
