// Runs a side as a child process, with one request at a time.
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface, type Interface } from "node:readline";
import type { Answer, Prepared, Request, Round } from "./protocol.ts";
import type { Workload } from "./workloads.ts";

export class SideError extends Error {
  override readonly name = "SideError";
}

export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
}

const LAST_WORDS = 600;

export class Child {
  private readonly process: ChildProcess;
  private readonly lines: Interface;
  private lastWords = "";
  private readonly timeoutMs: number;

  constructor({ program, args, env }: Command, timeoutMs: number) {
    this.timeoutMs = timeoutMs;
    this.process = spawn(program, [...args], { env: { ...process.env, ...env }, stdio: ["pipe", "pipe", "pipe"] });
    this.process.stderr?.on("data", (bytes: Buffer) => {
      this.lastWords = (this.lastWords + bytes.toString()).slice(-LAST_WORDS);
    });
    // A dead process closes the pipe. Its exit is reported instead.
    this.process.stdin?.on("error", () => {});
    this.lines = createInterface({ input: this.process.stdout as NodeJS.ReadableStream });
  }

  prepare(work: Workload): Promise<Prepared> {
    return this.ask<Prepared>({ do: "prepare", work });
  }

  round(ms: number): Promise<Round> {
    return this.ask<Round>({ do: "round", ms });
  }

  /** Send a request. Throws SideError if the side reports an error, ends, or exceeds the time limit. */
  private ask<T>(request: Request): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const settle = (act: () => void) => {
        clearTimeout(timer);
        this.lines.off("line", onLine);
        this.process.off("close", onClose);
        this.process.off("error", onError);
        act();
      };
      const fail = (words: string) => settle(() => reject(new SideError(words)));
      const onLine = (line: string) => {
        let answer: Answer<T>;
        try {
          answer = JSON.parse(line) as Answer<T>;
        } catch {
          fail(`said something that is no answer: ${line.slice(0, 200)}`);
          return;
        }
        if ("error" in answer) fail(answer.error);
        else settle(() => resolve(answer.value));
      };
      const onClose = (code: number | null) => fail(`ended with code ${code}: ${this.lastWords.trim()}`);
      const onError = (error: Error) => fail(error.message);
      const timer = setTimeout(() => fail(`no answer within ${this.timeoutMs / 1000} s`), this.timeoutMs);
      this.lines.on("line", onLine);
      this.process.on("close", onClose);
      this.process.on("error", onError);
      this.process.stdin?.write(`${JSON.stringify(request)}\n`);
    });
  }

  /** End the process and wait for its exit. */
  async end(): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null || this.process.pid === undefined) return;
    const gone = new Promise<void>((resolve) => this.process.once("close", () => resolve()));
    this.process.kill("SIGKILL");
    await gone;
  }
}
