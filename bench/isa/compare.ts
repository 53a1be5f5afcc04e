// Two results of `bench:isa` beside each other, kernel by kernel.
import { IsaError } from "./command.ts";
import type { KernelRecord } from "./record.ts";
import type { IsaResults } from "./results.ts";
import { markdownLine, nameOf } from "./table.ts";

interface Figure {
  readonly name: string;
  /** Value of a record; null if the record has none. */
  readonly of: (record: KernelRecord) => number | null;
}

const percent = (share: number | undefined): number | null => (share === undefined ? null : Math.round(100 * share));

/** Wavefronts of all accesses in loops, over the ideal ones. */
function bankRatio({ banks }: KernelRecord): number | null {
  const inLoops = (banks ?? []).filter(({ inLoop }) => inLoop);
  const sum = (key: "total" | "totalIdeal") => inLoops.reduce((total, access) => total + access[key], 0);
  return inLoops.length > 0 ? Math.round((100 * sum("total")) / sum("totalIdeal")) / 100 : null;
}

const FIGURES: readonly Figure[] = [
  { name: "registers", of: ({ registers }) => registers },
  { name: "spills", of: ({ spills }) => spills },
  { name: "waves", of: ({ waves }) => waves },
  { name: "stage", of: ({ stage }) => stage?.instructions ?? null },
  { name: "FMA %", of: ({ stage }) => percent(stage?.share) },
  { name: "inner %", of: ({ stage }) => percent(stage?.innerShare) },
  { name: "waits", of: ({ stage }) => stage?.waits ?? null },
  { name: "int mul", of: ({ stage }) => stage?.multiplications ?? null },
  { name: "div", of: ({ stage }) => stage?.divisions ?? null },
  { name: "cycles", of: ({ cycles }) => cycles },
  { name: "cycles/FMA", of: ({ cyclesPerAdd }) => (cyclesPerAdd > 0 ? cyclesPerAdd : null) },
  { name: "banks", of: bankRatio },
];

export interface IsaComparison {
  /** Kernels of both, with the figures that differ: `24 -> 1`. */
  readonly changed: readonly { readonly name: string; readonly figures: Readonly<Record<string, string>> }[];
  /** Number of kernels of both without any difference. */
  readonly equal: number;
  readonly onlyA: readonly KernelRecord[];
  readonly onlyB: readonly KernelRecord[];
}

/** Compare two results of the same GPU. Errors: IsaError if the GPUs differ. */
export function compareIsa(a: IsaResults, b: IsaResults): IsaComparison {
  if (a.gpu !== b.gpu) throw new IsaError(`bench:isa: compare: expected results of one GPU, got ${a.gpu} and ${b.gpu}`);
  const before = new Map(a.kernels.map((record) => [nameOf(record), record]));
  const after = new Map(b.kernels.map((record) => [nameOf(record), record]));
  const both = [...before.keys()].filter((name) => after.has(name));
  const rows = both.map((name) => ({ name, figures: differences(before.get(name)!, after.get(name)!) }));
  const changed = rows.filter(({ figures }) => Object.keys(figures).length > 0);
  return {
    changed,
    equal: rows.length - changed.length,
    onlyA: a.kernels.filter((record) => !after.has(nameOf(record))),
    onlyB: b.kernels.filter((record) => !before.has(nameOf(record))),
  };
}

function differences(a: KernelRecord, b: KernelRecord): Record<string, string> {
  const pairs = FIGURES.map(({ name, of }) => [name, of(a), of(b)] as const).filter(([, x, y]) => x !== y);
  return Object.fromEntries(pairs.map(([name, x, y]) => [name, `${x ?? "-"} -> ${y ?? "-"}`]));
}

const HEAD = ["kernel, spec", ...FIGURES.map(({ name }) => name)];

/** Return a comparison as a table: changed kernels first, then those of one result only. */
export function comparisonTable({ changed, equal, onlyA, onlyB }: IsaComparison): string {
  const single = (mark: string, record: KernelRecord) =>
    markdownLine([`${mark} ${nameOf(record)}`, ...FIGURES.map(({ of }) => of(record) ?? "")]);
  return [
    markdownLine(HEAD),
    markdownLine(HEAD.map(() => "---")),
    ...changed.map(({ name, figures }) => markdownLine([name, ...FIGURES.map((f) => figures[f.name] ?? "")])),
    ...onlyA.map((record) => single("only A:", record)),
    ...onlyB.map((record) => single("only B:", record)),
    "",
    `${changed.length} kernels changed, ${equal} equal, ${onlyA.length} only in A, ${onlyB.length} only in B`,
  ].join("\n");
}
