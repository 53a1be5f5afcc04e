// Measures the longest task of the page's main thread from a trace of the browser.
import type { Browser, Page } from "playwright-core";

interface TraceEvent {
  readonly name: string;
  readonly ph: string;
  readonly pid: number;
  readonly tid: number;
  /** Time on the processor, in microseconds. */
  readonly tdur?: number;
  readonly args?: { readonly name?: string };
}

/** Trace the main thread for `ms` and return its longest task, in ms of processor time. */
export async function longestTask(browser: Browser, page: Page, ms: number): Promise<number> {
  await browser.startTracing(page, { categories: ["toplevel", "__metadata"] });
  await page.waitForTimeout(ms);
  const trace = JSON.parse((await browser.stopTracing()).toString("utf8")) as { traceEvents: TraceEvent[] };
  const thread = (e: TraceEvent) => `${e.pid}/${e.tid}`;
  const main = new Set(
    trace.traceEvents.filter((e) => e.name === "thread_name" && e.args?.name === "CrRendererMain").map(thread),
  );
  const tasks = trace.traceEvents.filter((e) => e.ph === "X" && e.name.endsWith("RunTask") && main.has(thread(e)));
  const timed = tasks.flatMap(({ tdur }) => (tdur === undefined ? [] : [tdur / 1000]));
  if (timed.length === 0) throw new Error("the trace has no tasks of the page's main thread");
  return Math.max(...timed);
}
