// Hands out the cells of the plan to several runs at the same time, in the order of the plan.
import { type Cell, cellId, sourceOf } from "./plan.ts";
import { stateOf, type Tries } from "./runs.ts";

/** Open cells, and those in progress. */
export class Queue {
  /** Number of cells that other cells have finished. */
  dropped = 0;
  private readonly open: Cell[];
  private readonly tries: Tries;
  private readonly taken = new Set<Cell>();

  constructor(open: readonly Cell[], tries: Tries) {
    this.open = [...open];
    this.tries = tries;
  }

  /**
   * Return the next cell, and remove it. Null: none is left, or all of them need a run in progress.
   *
   * Cells of one family share their runs, and a control needs its source: two of them are never in progress together. A search begins at
   * the results of other seeds, so that a cell whose other seed is in progress comes after the others.
   */
  take(): Cell | null {
    // Cells of the same settings in several experiments end together.
    const isOpen = (cell: Cell) => ["run", "waits", "failed"].includes(stateOf(cell, this.tries).kind);
    while (this.open[0] && !isOpen(this.open[0])) {
      this.open.shift();
      this.dropped++;
    }
    const busy = new Set([...this.taken].flatMap((cell) => this.familiesOf(cell)));
    const free = (cell: Cell) => !this.familiesOf(cell).some((family) => busy.has(family));
    const siblings = new Set([...this.taken].map(kinOf));
    const cell = this.open.find((one) => free(one) && !siblings.has(kinOf(one))) ?? this.open.find(free);
    if (cell === undefined) return null;
    this.open.splice(this.open.indexOf(cell), 1);
    this.taken.add(cell);
    return cell;
  }

  /** Note that a cell is not in progress any more. */
  release(cell: Cell): void {
    this.taken.delete(cell);
  }

  private familiesOf(cell: Cell): string[] {
    const source = sourceOf(cell);
    return [this.tries.family(cell), ...(source ? [this.tries.family(source)] : [])];
  }
}

/** Return the name that a cell shares with those of other seeds; for a method without a search, its own. */
const kinOf = (cell: Cell): string => (cell.method.search ? cellId({ ...cell, seed: 0 }) : cellId(cell));
