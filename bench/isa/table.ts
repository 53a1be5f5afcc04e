// Tables of `bench:isa` as Markdown: one GPU, or two results beside each other.
import type { BankReport } from "./banks.ts";
import type { KernelRecord } from "./record.ts";
import type { IsaResults } from "./results.ts";

const percent = (share: number): string => `${Math.round(100 * share)} %`;

/** Return a line of a Markdown table. */
export const markdownLine = (cells: readonly (string | number)[]): string =>
  `| ${cells.map((cell) => String(cell).replaceAll("|", "\\|")).join(" | ")} |`;

/** Return kernel and values for a table: false values are left out, and true ones are named. */
export function nameOf({ kernel, spec }: KernelRecord): string {
  const values = spec.map((value) => value.replace(/=true$/, "")).filter((value) => !value.endsWith("=false"));
  return [kernel, ...values].join(" ");
}

/** Return the worst loads or stores in loops: wavefronts and the ideal, as `4/4`. */
function worst(banks: KernelRecord["banks"], access: BankReport["access"]): string {
  if (!banks) return "?";
  const found = banks.filter((report) => report.access === access && report.inLoop);
  const [first] = found.sort((a, b) => b.wavefronts / b.ideal - a.wavefronts / a.ideal);
  return first ? `${first.wavefronts}/${first.ideal}` : "";
}

const HEAD = [
  "kernel, spec",
  "lanes",
  "shared B",
  "regs",
  "spills",
  "scratch",
  "waves",
  "instr",
  "cycles",
  "stage",
  "FMA",
  "inner",
  "matrix",
  "loads",
  "in flight",
  "waits",
  "int mul",
  "div",
  "cycles/FMA",
  "bank loads",
  "bank stores",
];

function row(record: KernelRecord): string {
  const { stage, banks } = record;
  const stageCells = stage
    ? [
        stage.instructions,
        `${stage.adds} ${percent(stage.share)}`,
        percent(stage.innerShare),
        stage.matrix || "",
        stage.loads,
        stage.inFlight,
        stage.waits,
        stage.multiplications,
        stage.divisions,
        record.cyclesPerAdd || "",
      ]
    : Array.from({ length: 10 }, () => "");
  return markdownLine([
    nameOf(record),
    record.lanes,
    record.sharedBytes,
    record.registers,
    record.spills,
    record.scratch,
    record.waves,
    record.instructions,
    record.cycles,
    ...stageCells,
    worst(banks, "load"),
    worst(banks, "store"),
  ]);
}

/** Return the table of one GPU. */
export function isaTable(results: IsaResults): string {
  const rule = markdownLine(HEAD.map(() => "---"));
  return [
    `${results.gpu}, Mesa ${results.mesa}, commit ${results.commit}`,
    "",
    markdownLine(HEAD),
    rule,
    ...results.kernels.map(row),
  ].join("\n");
}
