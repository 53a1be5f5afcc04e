// Runs fixtures: finds the handler of each case, compares its results, and reports them.
import { OpError } from "../../src/gpu/index.ts";
import { Attrs, Unsupported } from "./attrs.ts";
import { type Comparison, compareTensor } from "./compare.ts";
import { comparedTensors, type GoldenCase, parseFixtures, tensorOf } from "./format.ts";
import type { Handlers, ReadFile } from "./handler.ts";

export type Status = "passed" | "failed" | "unsupported";

export interface CaseReport {
  readonly name: string;
  readonly op: string;
  readonly status: Status;
  /** Reason for a failed or unsupported case; "" if it passed. */
  readonly reason: string;
  /** Deviation / limit of the worst tensor; 0 if nothing was compared. */
  readonly worst: number;
}

export interface FileReport {
  readonly file: string;
  readonly cases: readonly CaseReport[];
}

const short = (x: number) => (Number.isFinite(x) ? x.toExponential(2) : String(x));

function describe({ tensor, deviation, limit }: Comparison): string {
  return `${tensor} is off by ${short(deviation)}, limit ${short(limit)}`;
}

/** Run one case. Never throws: errors are in the report. */
export async function runCase(c: GoldenCase, handlers: Handlers, readFile?: ReadFile): Promise<CaseReport> {
  const report = (status: Status, reason = "", worst = 0): CaseReport => ({
    name: c.name,
    op: c.op,
    status,
    reason,
    worst,
  });
  // leaky_relu_0.1: the slope is part of the op's name.
  const parametric = /^(.*_)-?\d[\d.e-]*$/.exec(c.op)?.[1];
  const found = [c.op, parametric].find((name) => name !== undefined && Object.hasOwn(handlers, name));
  const handler = found === undefined ? undefined : handlers[found];
  if (!handler) return report("unsupported", `no op named ${c.op}`);
  try {
    const attrs = new Attrs(c.attrs);
    const run = handler(attrs, c, readFile);
    attrs.finish();
    const results = await run();
    if (c.expectError !== null) return report("failed", `was accepted, but must be refused: ${c.expectError}`);
    const comparisons: Comparison[] = [];
    const missing: string[] = [];
    for (const name of comparedTensors(c)) {
      const got = results[name];
      if (got) comparisons.push(compareTensor(c, name, tensorOf(c, name), got));
      else missing.push(`${name} was not computed`);
    }
    const bad = comparisons.filter(({ deviation, limit }) => !(deviation <= limit));
    const ratio = ({ deviation, limit }: Comparison) => (deviation === 0 ? 0 : deviation / limit);
    const worst = Math.max(0, ...comparisons.map(ratio));
    const faults = [...bad.sort((a, b) => ratio(b) - ratio(a)).map(describe), ...missing];
    if (faults.length === 0) return report("passed", "", worst);
    const more = faults.length > 4 ? `; and ${faults.length - 4} more` : "";
    return report("failed", faults.slice(0, 4).join("; ") + more, worst);
  } catch (error) {
    if (error instanceof Unsupported) return report("unsupported", error.message);
    if (c.expectError !== null && error instanceof OpError) return report("passed");
    return report("failed", error instanceof Error ? `${error.name}: ${error.message}` : String(error));
  }
}

/**
 * Run all cases of a safetensors fixture in order. An unreadable file is one failed case. Cases about other files need
 * `readFile`; without it they are unsupported.
 */
export async function runFixtures(
  bytes: Uint8Array,
  file: string,
  handlers: Handlers,
  readFile?: ReadFile,
): Promise<FileReport> {
  let cases: GoldenCase[];
  try {
    cases = parseFixtures(bytes, file);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { file, cases: [{ name: file, op: "", status: "failed", reason, worst: 0 }] };
  }
  const reports: CaseReport[] = [];
  for (const c of cases) reports.push(await runCase(c, handlers, readFile));
  return { file, cases: reports };
}
