// Runs other programs for setup: no terminal, no questions, output kept for the error message.

import { spawn } from "node:child_process";
import { EspalierError } from "../text/index.ts";

/** Setting up failed; says at what and, where a program was run, its last words. */
export class SetupError extends EspalierError {
  override readonly name = "SetupError";
}

export interface Ran {
  /** Exit code; 127 when the program is not there, 124 when it ran out of time. */
  readonly code: number;
  readonly stdout: string;
  /** Both streams as they came. */
  readonly output: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly input?: string;
  readonly seconds?: number;
  /** Variables besides this process's own. */
  readonly env?: Readonly<Record<string, string>> | undefined;
}

/** Runs a program to its end with English messages and no questions. Never throws: read `code`. */
export function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env, LC_ALL: "C", DEBIAN_FRONTEND: "noninteractive", NO_COLOR: "1" },
      stdio: ["pipe", "pipe", "pipe"],
      timeout: (options.seconds ?? 900) * 1000,
    });
    let stdout = "";
    let output = "";
    child.stdout.on("data", (chunk) => {
      stdout += chunk;
      output += chunk;
    });
    child.stderr.on("data", (chunk) => {
      output += chunk;
    });
    child.on("error", (cause) => resolve({ code: 127, stdout, output: `${output}${cause.message}\n` }));
    child.on("close", (code, signal) => resolve({ code: code ?? (signal === "SIGTERM" ? 124 : 1), stdout, output }));
    child.stdin.on("error", () => {}); // it may end before it has read all
    child.stdin.end(options.input ?? "");
  });
}

/** Runs a program that has to succeed. Errors: SetupError with `what` and its last lines. */
export async function must(
  what: string,
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Ran> {
  const ran = await run(program, args, options);
  if (ran.code !== 0) throw new SetupError(`${what}: ${program} ended with ${ran.code}\n${lastLines(ran.output)}`);
  return ran;
}

/** The end of a program's output, indented. */
export function lastLines(output: string, count = 6): string {
  const lines = output.split("\n").filter((line) => line.trim() !== "");
  return lines
    .slice(-count)
    .map((line) => `    ${line}`)
    .join("\n");
}
