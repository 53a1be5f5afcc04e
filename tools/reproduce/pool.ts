// Worker processes that train, each on its own share of the CPU cores. The plan and the file of results stay in the parent.
import { type ChildProcess, spawn } from "node:child_process";
import { resolve } from "node:path";
import { EspalierError } from "../../src/text/index.ts";
import { coreGroups, coresToDivide } from "./cores.ts";
import type { Outcome, Train } from "./loop.ts";
import { errorFrom, type WorkerMessage } from "./messages.ts";
import type { Task } from "./plan.ts";

export interface PoolOptions {
  /** Number of workers. */
  readonly jobs: number;
  /** Part of the adapter's name. */
  readonly adapter?: string | undefined;
  /** Files and folders by the $NAME that recipes give. */
  readonly files: Readonly<Record<string, string>>;
  /** Program of a worker. Default worker.ts. */
  readonly program?: string;
}

interface Pool {
  /** Name of the workers' adapter. */
  readonly adapter: string;
  /** Train in a worker that is free. At most `jobs` calls at a time. */
  readonly train: Train;
  close(): void;
}

/** Start the workers, and wait until each has its GPU. Errors: those of a worker. */
export async function openPool({ jobs, adapter, files, program }: PoolOptions): Promise<Pool> {
  const cores = await coresToDivide();
  const groups = cores && coreGroups(cores, jobs);
  const path = program ?? resolve(import.meta.dirname, "worker.ts");
  const workers = Array.from(
    { length: jobs },
    (_, job) => new Worker([path, JSON.stringify({ adapter, files })], groups?.[job]),
  );
  const close = () => {
    for (const worker of workers) worker.close();
  };
  try {
    const names = await Promise.all(workers.map((worker) => worker.opened()));
    return { adapter: names[0]!, train: (task) => trainIn(workers, task), close };
  } catch (error) {
    close();
    throw error;
  }
}

async function trainIn(workers: readonly Worker[], task: Task): Promise<Outcome> {
  const free = workers.find(({ isBusy }) => !isBusy);
  if (!free) throw new EspalierError(`workers: expected at most ${workers.length} runs at a time`);
  return free.train(task);
}

/** A process that answers each message, the start included, by one. */
class Worker {
  private readonly child: ChildProcess;
  private waiting: { resolve(message: WorkerMessage): void; reject(error: Error): void } | null = null;
  private readonly ready: Promise<WorkerMessage>;

  /** Start the process. `cores`: those that it may use; default all. */
  constructor(args: readonly string[], cores: string | undefined) {
    const node = [process.execPath, ...process.execArgv, ...args];
    const [program, ...rest] = cores === undefined ? node : ["taskset", "-c", cores, ...node];
    this.child = spawn(program!, rest, { stdio: ["ignore", "inherit", "inherit", "ipc"], serialization: "advanced" });
    this.ready = this.answer();
    this.child.on("message", (message: WorkerMessage) => this.waiting?.resolve(message));
    this.child.on("error", (error) => this.waiting?.reject(error));
    this.child.on("exit", (code, signal) =>
      this.waiting?.reject(new EspalierError(`its process ended by ${signal ?? `exit code ${code}`}`)),
    );
  }

  get isBusy(): boolean {
    return this.waiting !== null;
  }

  /** Wait for the start; return the adapter's name. */
  async opened(): Promise<string> {
    const message = await this.ready;
    if (message.kind === "error") throw errorFrom(message.error);
    return message.kind === "ready" ? message.adapter : "";
  }

  async train(task: Task): Promise<Outcome> {
    const answer = this.answer();
    this.child.send(task);
    const message = await answer;
    if (message.kind === "outcome") return message.outcome;
    throw message.kind === "error" ? errorFrom(message.error) : new EspalierError("worker: got two starts");
  }

  close(): void {
    if (this.child.connected) this.child.disconnect();
  }

  private answer(): Promise<WorkerMessage> {
    const answer = new Promise<WorkerMessage>((resolve, reject) => {
      this.waiting = { resolve, reject };
    });
    return answer.finally(() => {
      this.waiting = null;
    });
  }
}
