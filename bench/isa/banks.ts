// Shared-memory wavefronts of each access to workgroup memory, by a model of NVIDIA's banks: 32 of 4 bytes. The 32 lanes of a
// warp access 4 bytes together, 8 bytes in halves and 16 bytes in quarters; lanes that access one word share it.

import { parseWgsl } from "./wgsl_parse.ts";
import { type RunAccess, runWgsl } from "./wgsl_run.ts";
import type { Expression } from "./wgsl_syntax.ts";
import { type WorkgroupArray, workgroupArrays, workgroupOf } from "./workgroup.ts";

const LANES = 32;
const BANKS = 32;
const BANK_BYTES = 4;

/** Accesses of the WGSL to an array in workgroup memory that behave alike. */
export interface BankReport {
  readonly array: string;
  readonly access: "load" | "store";
  /** True inside of a loop. */
  readonly inLoop: boolean;
  /** Bytes of one access. */
  readonly bytes: number;
  /** Wavefronts of the worst access of a warp, and how many it would have without conflicts. */
  readonly wavefronts: number;
  readonly ideal: number;
  /** Wavefronts of all accesses of a warp: three turns of loops with unknown bounds. */
  readonly total: number;
  readonly totalIdeal: number;
}

/** Address and size of one lane's access. */
export interface LaneAccess {
  readonly address: number;
  readonly bytes: number;
}

/** Return the wavefronts of one access of a warp. */
export function wavefronts(lanes: readonly LaneAccess[]): number {
  const bytes = Math.max(...lanes.map((lane) => lane.bytes));
  const together = Math.max(1, Math.floor((LANES * BANK_BYTES) / Math.max(BANK_BYTES, bytes)));
  let sum = 0;
  for (let first = 0; first < lanes.length; first += together) {
    const words = new Set<number>();
    for (const { address, bytes: size } of lanes.slice(first, first + together)) {
      const last = Math.floor((address + size - 1) / BANK_BYTES);
      for (let word = Math.floor(address / BANK_BYTES); word <= last; word++) words.add(word);
    }
    const loads = new Map<number, number>();
    for (const word of words) loads.set(word % BANKS, (loads.get(word % BANKS) ?? 0) + 1);
    sum += Math.max(...loads.values());
  }
  return sum;
}

/** Return the wavefronts that lanes need without conflicts. */
const idealOf = (lanes: readonly LaneAccess[]): number =>
  Math.ceil((lanes.length * Math.max(BANK_BYTES, ...lanes.map(({ bytes }) => bytes))) / (BANKS * BANK_BYTES));

/** Return the address of an access. */
function placeOf({ index, component }: RunAccess, array: WorkgroupArray): LaneAccess | null {
  if (index === undefined || array.elementBytes === null) return null;
  const start = index * array.elementBytes;
  const { scalarBytes } = array;
  if (component === undefined) return { address: start, bytes: array.elementBytes };
  return { address: start + component * scalarBytes, bytes: scalarBytes };
}

/** Accesses of the lanes of a warp, by their place in the text and their number among the visits of one lane. */
class Warp {
  readonly accesses = new Map<string, { first: RunAccess; lanes: (LaneAccess | null)[] }>();
  private readonly sites = new Map<Expression, number>();
  private visits = new Map<string, number>();

  nextLane(): void {
    this.visits = new Map();
  }

  add(access: RunAccess, place: LaneAccess | null): void {
    const site = this.sites.get(access.site) ?? this.sites.size;
    this.sites.set(access.site, site);
    const kind = `${site} ${access.store} ${access.component}`;
    const visit = this.visits.get(kind) ?? 0;
    this.visits.set(kind, visit + 1);
    const key = `${kind} ${visit}`;
    const known = this.accesses.get(key) ?? { first: access, lanes: [] };
    known.lanes.push(place);
    this.accesses.set(key, known);
  }
}

/** Builtins of a lane of the first workgroup. */
function builtinsOf(lane: number, size: readonly number[]) {
  const [x = 1, y = 1] = size;
  const id = [lane % x, Math.floor(lane / x) % y, Math.floor(lane / x / y)];
  return {
    local_invocation_index: lane,
    local_invocation_id: id,
    global_invocation_id: id,
    workgroup_id: [0, 0, 0],
    num_workgroups: [1, 1, 1],
    subgroup_invocation_id: lane,
    subgroup_size: LANES,
  };
}

/** Add the wavefronts of a warp's accesses to the reports of their kinds. */
function summarize(warp: Warp, reports: Map<string, BankReport>): void {
  for (const { first, lanes } of warp.accesses.values()) {
    if (lanes.includes(null)) continue;
    const known = lanes as LaneAccess[];
    const bytes = known[0]!.bytes;
    const [found, ideal] = [wavefronts(known), idealOf(known)];
    const access = first.store ? "store" : "load";
    const key = `${first.array} ${access} ${first.inLoop} ${bytes}`;
    const before = reports.get(key);
    const isWorse = !before || found / ideal > before.wavefronts / before.ideal;
    reports.set(key, {
      array: first.array,
      access,
      inLoop: first.inLoop,
      bytes,
      wavefronts: isWorse ? found : before.wavefronts,
      ideal: isWorse ? ideal : before.ideal,
      total: (before?.total ?? 0) + found,
      totalIdeal: (before?.totalIdeal ?? 0) + ideal,
    });
  }
}

/**
 * Return the wavefronts of a shader's accesses to workgroup memory. The first warp runs twice: conditions with unknown values
 * hold in one run and do not in the other; the run with more wavefronts counts. Accesses with unknown indices are left out.
 */
export function bankReports(code: string): BankReport[] {
  const arrays = new Map(workgroupArrays(code).map((array) => [array.name, array]));
  if (arrays.size === 0) return [];
  const module = parseWgsl(code);
  const { lanes, size } = workgroupOf(code);
  const found = new Map<string, BankReport>();
  for (const assume of [true, false]) {
    const warp = new Warp();
    for (let lane = 0; lane < Math.min(LANES, lanes); lane++) {
      warp.nextLane();
      const record = (access: RunAccess) => warp.add(access, placeOf(access, arrays.get(access.array)!));
      runWgsl(module, { builtins: builtinsOf(lane, size), assume, record });
    }
    const reports = new Map<string, BankReport>();
    summarize(warp, reports);
    for (const [key, report] of reports) {
      const other = found.get(key);
      if (!other || report.total / report.totalIdeal > other.total / other.totalIdeal) found.set(key, report);
    }
  }
  return [...found.values()];
}
