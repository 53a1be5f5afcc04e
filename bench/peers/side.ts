// The common part of all JavaScript sides: answers the benchmark's requests on standard input.
import { createInterface } from "node:readline";
import { installGpu } from "../../src/node/dawn.ts";
import { CallCounter } from "../cases/calls.ts";
import { type Answer, encodeFloats, LOSSES, type Prepared, type Request, type Round } from "./protocol.ts";
import type { Workload } from "./workloads.ts";

/** A workload in one library. */
export interface Job {
  /** Enqueue one run. It may return before the run has finished. */
  run(): void;
  /** Wait until the device has finished all work. */
  finish(): Promise<void>;
  /** Read the results of the latest run, in PyTorch's layouts. */
  read(): Promise<Float32Array[]>;
}

export interface Library {
  readonly library: string;
  readonly adapter: string;
  prepare(work: Workload): Job | Promise<Job>;
}

class Side {
  private readonly open: () => Promise<Library>;
  private calls: CallCounter | null = null;
  private job: Job | null = null;
  private warmMs = 1;

  constructor(open: () => Promise<Library>) {
    this.open = open;
  }

  async answer(request: Request): Promise<Prepared | Round> {
    return request.do === "prepare" ? await this.prepare(request.work) : await this.round(request.ms);
  }

  private async prepare(work: Workload): Promise<Prepared> {
    await installGpu();
    this.calls ??= new CallCounter();
    const library = await this.open();
    const job = await library.prepare(work);
    this.job = job;
    await job.finish();
    const results: Float32Array[] = [];
    const firstMs = await this.time(1);
    results.push(...(await job.read()));
    for (let i = 1; work.kind === "step" && i < LOSSES; i++) {
      await this.time(1);
      results.push(...(await job.read()));
    }
    this.calls.take();
    this.warmMs = await this.time(1);
    const calls = this.calls.take();
    return {
      firstMs,
      warmMs: this.warmMs,
      calls,
      results: results.map(encodeFloats),
      library: library.library,
      adapter: library.adapter,
    };
  }

  private async round(ms: number): Promise<Round> {
    const repeats = Math.min(500, Math.max(1, Math.round(ms / Math.max(this.warmMs, 0.05))));
    const each = (await this.time(repeats)) / repeats;
    this.warmMs = Math.min(this.warmMs, each);
    return { ms: each, repeats };
  }

  private async time(repeats: number): Promise<number> {
    const { job } = this;
    if (!job) throw new Error("expected a prepared workload before a round");
    const start = performance.now();
    for (let i = 0; i < repeats; i++) job.run();
    await job.finish();
    return performance.now() - start;
  }
}

/** Answer requests until the input ends, then end the process, which Dawn would keep alive. */
export async function serve(open: () => Promise<Library>): Promise<void> {
  const say = (answer: Answer<Prepared | Round>) => process.stdout.write(`${JSON.stringify(answer)}\n`);
  // Libraries print greetings on standard output, which carries the protocol.
  console.log = console.error;
  console.info = console.error;
  const side = new Side(open);
  for await (const line of createInterface({ input: process.stdin })) {
    try {
      say({ value: await side.answer(JSON.parse(line) as Request) });
    } catch (error) {
      say({ error: error instanceof Error ? error.message : String(error) });
    }
  }
  process.exit(0);
}

/** Return the name of the system's adapter. */
export async function adapterWords(): Promise<string> {
  const info = (await navigator.gpu.requestAdapter())?.info;
  return info ? info.description || `${info.vendor} ${info.architecture}` : "no adapter";
}
