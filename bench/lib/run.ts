// Runs a list of cases in order. A case that fails is reported, and the next one runs.
import { currentGpu, requestGpu } from "../../src/gpu/index.ts";
import { Scope } from "../../src/tensor/index.ts";
import type { BenchCase } from "./case.ts";
import { type Clock, chooseClock } from "./clock.ts";
import { calibrationWork } from "./gauge.ts";
import { type MeasureOptions, measureKernel, StoppedError } from "./measure.ts";
import type { CaseResult, Results } from "./results.ts";

export const titleOf = (c: { readonly group: string; readonly name: string }): string => `${c.group} ${c.name}`;

/** Select the cases whose title contains one of the filters, and all words of that filter. No filter: all. */
export function selectCases(cases: readonly BenchCase[], filters: readonly string[]): BenchCase[] {
  const wanted = filters.map((f) => f.toLowerCase().split(/\s+/).filter(Boolean));
  return cases.filter((c) => {
    const title = titleOf(c).toLowerCase();
    return wanted.length === 0 || wanted.some((words) => words.every((word) => title.includes(word)));
  });
}

interface RunOptions extends MeasureOptions {
  /** Called before a case. */
  readonly onStart?: (bench: BenchCase, index: number, count: number) => void;
  /** Called after a case, and awaited. */
  readonly onResult?: (result: CaseResult) => void | Promise<void>;
}

/** Run the cases. The signal ends it early without an error and drops the case that is running. */
export async function runCases(cases: readonly BenchCase[], options: RunOptions = {}): Promise<CaseResult[]> {
  const results: CaseResult[] = [];
  for (const [i, bench] of cases.entries()) {
    if (options.signal?.aborted) break;
    options.onStart?.(bench, i, cases.length);
    const result = await runCase(bench, options);
    if (result === null) break;
    results.push(result);
    await options.onResult?.(result);
  }
  return results;
}

async function runCase(bench: BenchCase, options: MeasureOptions): Promise<CaseResult | null> {
  const { group, name } = bench;
  try {
    if (bench.kind === "kernel") return await measureKernel(bench, options);
    const figures = await measureHost(bench.measure);
    return { kind: "host", group, name, figures };
  } catch (error) {
    if (error instanceof StoppedError) return null;
    await recover();
    return { kind: "failure", group, name, error: error instanceof Error ? error.message : String(error) };
  }
}

async function measureHost(measure: Extract<BenchCase, { kind: "host" }>["measure"]) {
  using _scope = new Scope();
  const figures = await measure();
  await currentGpu().wait();
  return figures.map((f) => ({ ...f }));
}

/** Replace a device that reported an error, since it would report it again in every later case. */
async function recover(): Promise<void> {
  try {
    await currentGpu().wait();
  } catch {
    try {
      currentGpu().destroy();
    } catch {
      // The device is dropped in any case.
    }
    await requestGpu();
  }
}

/** Choose the clock for the current device (see clock.ts). */
export async function pickClock(): Promise<Clock> {
  using _scope = new Scope();
  const gpu = currentGpu();
  if (gpu.adapter.software || !gpu.device.features.has("timestamp-query")) return "queue";
  return await chooseClock(gpu, await calibrationWork());
}

/** Describe the current adapter for a result file. */
export function describeAdapter(): Results["adapter"] {
  const { vendor, architecture, device, description, software, subgroupSize, features } = currentGpu().adapter;
  return { vendor, architecture, device, description, software, subgroupSize, features: [...features] };
}
