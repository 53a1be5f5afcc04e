// Reads parquet files in a worker thread, which is stopped if it hangs or takes too much memory.
import { readFileSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { SourceError } from "../data/index.ts";
import { packageAddress } from "../node/packages.ts";
import { regularFile } from "../node/regular_file.ts";
import { cut, duration, visible } from "../text/index.ts";
import {
  type ColumnRequest,
  type ParquetBytes,
  type ParquetLabelValues,
  type ParquetLimits,
  type ParquetRequest,
  ParquetServer,
  type ParquetSummary,
} from "./parquet_worker.ts";

const LIMITS: ParquetLimits = { freeBytes: 2 ** 26, ratio: 64, baseMs: 400, bytesPerMs: 4096 };
/** Heap limit of the worker, in MiB; files and pages are outside of it and limited by their sizes. */
const HEAP_MIB = 256;
/** Interval of the checks, in ms. */
const TICK_MS = 25;

type Reply =
  | { readonly value: unknown }
  | { readonly fault: string; readonly code: string | null }
  /** The thread has ended. */
  | { readonly ended: string };

/** Return the code of the thread: the class as text, so that it is the same from sources and from any bundle. */
function workerText(): string {
  const address = (name: string) => JSON.stringify(packageAddress(name, "parquet files need"));
  const names = ["hyparquet", "hyparquet/src/column.js", "hyparquet-compressors"].map(address);
  return `
    const { parentPort: port, workerData } = require("node:worker_threads");
    const fs = require("node:fs");
    try {
      workerData.watch[2] = parseInt(fs.readFileSync("/proc/thread-self/stat", "utf8")); // the system's number of this thread
    } catch {}
    const __name = (named) => named; // what esbuild puts around classes and functions
    Promise.all([${names.map((name) => `import(${name})`).join(", ")}]).then(
      ([hyparquet, { parquetHeader }, { compressors }]) =>
        new (${ParquetServer.toString()})({
          hyparquet, parquetHeader, compressors, fs, port, ...workerData,
        }),
    );`;
}

/**
 * Return the processor time of a thread, in ms: on Linux that of the thread, elsewhere that of all threads, which is
 * more.
 */
function processorMs(thread: number): number {
  try {
    const stat = thread > 0 ? readFileSync(`/proc/self/task/${thread}/stat`, "utf8") : "";
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const ticks = Number(fields[11]) + Number(fields[12]); // user and system, a hundred a second
    if (Number.isFinite(ticks)) return 10 * ticks;
  } catch {
    // not Linux, or the thread has ended
  }
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Idle thread for the next reader. */
let spare: ParquetThread | null = null;

/** One worker thread; it answers one request at a time. */
class ParquetThread {
  private readonly worker: Worker;
  private readonly watch = new Int32Array(new SharedArrayBuffer(12));
  private settle: ((reply: Reply) => void) | null = null;
  ended = false;

  constructor() {
    this.worker = new Worker(workerText(), {
      eval: true,
      name: "espalier parquet",
      // The thread needs none of this process's loaders or inspectors.
      execArgv: [],
      workerData: { watch: this.watch, limits: LIMITS },
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MIB },
    });
    this.worker.unref();
    this.worker.on("message", (reply: Reply) => this.done(reply));
    this.worker.on("error", (cause: NodeJS.ErrnoException) => {
      const full = cause.code === "ERR_WORKER_OUT_OF_MEMORY";
      this.end(full ? `parsing takes more than the ${HEAP_MIB} MiB allowed` : cause.message);
    });
    this.worker.on("exit", () => this.end("the parsing thread ended"));
  }

  async ask(request: ParquetRequest): Promise<Reply> {
    this.worker.ref();
    const watching = this.watched();
    try {
      return await new Promise<Reply>((resolve) => {
        this.settle = resolve;
        this.worker.postMessage(request);
      });
    } finally {
      clearInterval(watching);
      this.worker.unref();
    }
  }

  /** End the current request; an idle thread is kept for reuse. */
  async close(): Promise<void> {
    if (!this.settle && !this.ended && !spare) {
      spare = this;
      return;
    }
    this.end("the reader was closed");
    await this.worker.terminate();
  }

  /**
   * Stop the thread if a step takes longer than its budget. Only its processor time counts: a machine that sleeps or is
   * busy is no fault of the file.
   */
  private watched(): NodeJS.Timeout {
    let [steps, spent, last, lastCpu] = [-1, 0, performance.now(), 0];
    return setInterval(() => {
      const [now, cpu] = [performance.now(), processorMs(Atomics.load(this.watch, 2))];
      const [budget, at] = [Atomics.load(this.watch, 0), Atomics.load(this.watch, 1)];
      spent = at === steps ? spent + Math.min(now - last, cpu - lastCpu) : 0;
      [steps, last, lastCpu] = [at, now, cpu];
      if (budget === 0 || spent <= budget) return;
      this.end(`parsing did not end within ${duration(budget / 1000)}`);
      void this.worker.terminate();
    }, TICK_MS);
  }

  private end(why: string): void {
    this.ended = true;
    this.done({ ended: why });
  }

  private done(reply: Reply): void {
    const settle = this.settle;
    this.settle = null;
    settle?.(reply);
  }
}

/**
 * Reader of parquet files that can be stopped.
 *
 * Limits    a step of the parser: 0.4 s of a processor, and 1 s more for each 4 MiB that it is given; its own memory: 256 MiB; see
 *           ParquetServer for sizes.
 * Errors    SourceError naming the file, for whatever is wrong with it.
 */
export class ParquetReader {
  private thread: ParquetThread | null = null;
  private last: Promise<unknown> = Promise.resolve();
  private closed = false;

  open(path: string): Promise<ParquetSummary> {
    return this.ask({ kind: "open", path }) as Promise<ParquetSummary>;
  }

  /** Read the labels of the rows of one group. */
  labels(request: Omit<ColumnRequest, "kind">): Promise<ParquetLabelValues> {
    return this.ask({ kind: "labels", ...request }) as Promise<ParquetLabelValues>;
  }

  /** Read the bytes of a column, or of the field `bytes` of a column of structs, for the rows of one group. */
  bytes(request: Omit<ColumnRequest, "kind">): Promise<ParquetBytes> {
    return this.ask({ kind: "bytes", ...request }) as Promise<ParquetBytes>;
  }

  async close(): Promise<void> {
    this.closed = true;
    const thread = this.thread;
    this.thread = null;
    await thread?.close();
  }

  private running(): ParquetThread {
    if (this.thread && !this.thread.ended) return this.thread;
    const thread = spare && !spare.ended ? spare : new ParquetThread();
    spare = null;
    this.thread = thread;
    return thread;
  }

  private ask(request: ParquetRequest): Promise<unknown> {
    const answer = this.last.then(() => this.answer(request));
    this.last = answer.catch(() => {});
    return answer;
  }

  private async answer(request: ParquetRequest): Promise<unknown> {
    const { path } = request;
    const refuse = (message: string) => new SourceError("parquet", path, message);
    if (this.closed) throw refuse("the reader was closed");
    if (request.kind === "open") await regularFile(path).catch((cause: Error) => Promise.reject(refuse(cause.message)));
    const reply = await this.running().ask(request);
    if ("value" in reply) return reply.value;
    if ("ended" in reply)
      throw refuse(this.closed ? "the reader was closed" : `not a complete parquet file: ${reply.ended}`);
    if (reply.code === "ENOENT") throw refuse("no such file");
    const words = visible(cut(reply.fault, 200));
    throw refuse(/^E[A-Z0-9]+$/.test(reply.code ?? "") ? words : `not a complete parquet file: ${words}`);
  }
}
