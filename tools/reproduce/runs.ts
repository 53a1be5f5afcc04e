// The state of each cell, from the results so far: finished, without a result, or the next run to make.
import type { ResultLine } from "./lines.ts";
import { type Cell, cellId, familyOf, sourceOf } from "./plan.ts";
import { guessFrom, nearTarget, type SearchPoint, searchStep } from "./search.ts";

/** Results by family. */
export class Tries {
  private readonly byFamily = new Map<string, ResultLine[]>();
  private readonly families = new Map<string, string>();

  constructor(lines: readonly ResultLine[]) {
    for (const line of lines) this.add(line);
  }

  add(line: ResultLine): void {
    const known = this.byFamily.get(line.family);
    if (known) known.push(line);
    else this.byFamily.set(line.family, [line]);
  }

  family(cell: Cell): string {
    const id = cellId(cell);
    const known = this.families.get(id) ?? familyOf(cell);
    this.families.set(id, known);
    return known;
  }

  of(cell: Cell): readonly ResultLine[] {
    return this.byFamily.get(this.family(cell)) ?? [];
  }
}

/** Two runs of a cell around its level, both near it. */
interface Around {
  readonly below: ResultLine;
  readonly above: ResultLine;
}

/** State of a cell: finished with a result, without one, a run to make, or waiting for the cell whose masks it shuffles. */
export type CellState =
  | {
      readonly kind: "done";
      readonly line: ResultLine;
      readonly matched: boolean;
      readonly around?: Around | undefined;
    }
  | { readonly kind: "failed"; readonly reason: string }
  | { readonly kind: "run"; readonly setting: number | null }
  | { readonly kind: "waits"; readonly source: Cell };

/** Distance of a share from its level; shares are counted in whole weights. */
const isNear = (sparsity: number, { level, experiment }: Cell) =>
  Math.abs(sparsity - level) <= experiment.match.tolerance + 1e-6;

/** Most seeds whose results are read for a guess. */
const SIBLINGS = 10;

/** Decide the next step of a cell from all results so far. A pure function, so that the plan can stop and continue. */
export function stateOf(cell: Cell, tries: Tries): CellState {
  const { method, level, experiment } = cell;
  const own = tries.of(cell);
  const source = sourceOf(cell);
  if (source && own.length === 0) {
    const state = stateOf(source, tries);
    if (state.kind === "failed") return { kind: "failed", reason: `${cellId(source)} has no masks to shuffle` };
    return state.kind === "done" ? { kind: "run", setting: null } : { kind: "waits", source };
  }
  if (method.knob === null) return own.length === 0 ? { kind: "run", setting: null } : ended(cell, own);
  const nearest = nearestOf(cell, own);
  if (nearest && isNear(nearest.sparsity!, cell)) return { kind: "done", line: nearest, matched: true };
  if (method.search && aroundOf(cell, own) && isNoisy(cell, tries)) return ended(cell, own);
  const mine = own.filter((line) => line.level === level);
  const left = experiment.match.tries - mine.length;
  const setting = method.search ? searched(cell, own, left, tries) : corrected(level, mine, left);
  return setting === null ? ended(cell, own) : { kind: "run", setting };
}

function nearestOf({ level }: Cell, own: readonly ResultLine[]): ResultLine | undefined {
  const distance = (line: ResultLine) => Math.abs(line.sparsity! - level);
  return own.filter((line) => line.sparsity !== null).sort((a, b) => distance(a) - distance(b))[0];
}

/** Return the end of a cell without further runs: its nearest result. */
function ended(cell: Cell, own: readonly ResultLine[]): CellState {
  // Results of other levels are far away, unless they ended the search.
  const mine = cell.method.knob === null ? own : own.filter((one) => one.level === cell.level);
  const line = nearestOf(cell, mine.length > 0 ? mine : own);
  if (!line) return { kind: "failed", reason: own.at(-1)?.failed ?? "no run has a result" };
  const free = cell.method.knob === null && cell.method.shuffled === null;
  const matched = free || isNear(line.sparsity!, cell);
  return { kind: "done", line, matched, ...(matched ? {} : { around: aroundOf(cell, own) }) };
}

/** Largest distance from the level of two runs between which accuracies are interpolated, as a share of the remaining weights. */
const AROUND = 0.25;

/** Return the nearest runs on both sides of a cell's level; undefined if one side has none that is near. */
function aroundOf(cell: Cell, own: readonly ResultLine[]): Around | undefined {
  const { level } = cell;
  const near = own.filter(({ sparsity }) => sparsity !== null && Math.abs(sparsity - level) <= AROUND * (1 - level));
  const below = nearestOf(
    cell,
    near.filter(({ sparsity }) => sparsity! < level),
  );
  const above = nearestOf(
    cell,
    near.filter(({ sparsity }) => sparsity! > level),
  );
  return below && above && { below, above };
}

/** Fall of the share with a rising setting that shows noise, in tolerances. */
const NOISE = 3;

/**
 * Return true if the shares near a cell's level do not rise with the setting, for this or another seed: then a further run reaches the
 * level by chance only, and the runs around it serve as well.
 */
function isNoisy(cell: Cell, tries: Tries): boolean {
  const { level, experiment } = cell;
  return [...Array(SIBLINGS).keys()].some((seed) => {
    const near = pointsOf(tries.of({ ...cell, seed })).flatMap(({ setting, sparsity }) =>
      sparsity !== null && Math.abs(sparsity - level) <= AROUND * (1 - level) ? [{ setting, sparsity }] : [],
    );
    const fall = NOISE * experiment.match.tolerance;
    return near.some((a) => near.some((b) => a.setting < b.setting && a.sparsity > b.sparsity + fall));
  });
}

/** Return the next aim of a method whose knob is the share itself: the level, then corrected by the last error; null to stop. */
function corrected(level: number, mine: readonly ResultLine[], left: number): number | null {
  const last = mine.at(-1);
  if (!last) return level;
  if (left <= 0 || last.sparsity === null || last.setting === null) return null;
  const next = Math.min(0.9999, Math.max(1e-4, last.setting + level - last.sparsity));
  return mine.some((line) => Math.abs(line.setting! - next) < 1e-5) ? null : next;
}

/** Return the next setting of a searched knob; null to stop. Other seeds of the method give the first guess. */
function searched(cell: Cell, own: readonly ResultLine[], left: number, tries: Tries): number | null {
  const { method, level, experiment } = cell;
  const search = method.search!;
  const points = pointsOf(own);
  const seeds = Array.from({ length: SIBLINGS }, (_, seed) => seed).filter((seed) => seed !== cell.seed);
  const others = seeds.flatMap((seed) => pointsOf(tries.of({ ...cell, seed })));
  const found = guessFrom(others, level, search.slope);
  const within = found && found.first >= search.least && found.first <= search.most;
  const options = { target: level, tolerance: experiment.match.tolerance, ...search, first: search.guess };
  const step = within
    ? searchStep(nearTarget(points, level), left, { ...options, ...found, firstAt: level })
    : searchStep(points, left, options);
  return step.kind === "try" ? step.setting : null;
}

const pointsOf = (lines: readonly ResultLine[]): SearchPoint[] =>
  lines.flatMap(({ setting, sparsity }) => (setting === null ? [] : [{ setting, sparsity }]));

/** Progress of a plan. */
export interface Progress {
  readonly total: number;
  readonly done: number;
  /** Cells that have no result yet. */
  readonly open: readonly Cell[];
}

export function progressOf(cells: readonly Cell[], tries: Tries): Progress {
  const open = cells.filter((cell) => ["run", "waits"].includes(stateOf(cell, tries).kind));
  return { total: cells.length, done: cells.length - open.length, open };
}
