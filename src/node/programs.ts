// Runs other programs without a terminal or questions, with their output kept for error messages.
import { spawn } from "node:child_process";

interface Ran {
  /** Exit code; 127 if the program does not exist, 124 after a timeout. */
  readonly code: number;
  readonly stdout: string;
  /** stdout and stderr, interleaved. */
  readonly output: string;
}

interface RunOptions {
  readonly cwd?: string;
  readonly input?: string;
  readonly seconds?: number;
  /** Variables added to the environment of this process, or removed from it where undefined. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
}

/** Run a program to its end, with English messages and no questions. Never throws: check `code`. */
export function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      // npm is a script there.
      shell: process.platform === "win32" && program === "npm",
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
    child.stdin.on("error", () => {}); // the program may end before it has read everything
    child.stdin.end(options.input ?? "");
  });
}

/** A function that runs a program and throws if it fails. */
export type MustRun = (what: string, program: string, args: readonly string[], options?: RunOptions) => Promise<Ran>;

/**
 * Return a function that runs a program which must succeed. It throws `Failure` with `what` and the last lines of the output.
 */
export function mustRun(Failure: new (message: string) => Error): MustRun {
  return async (what, program, args, options = {}) => {
    const ran = await run(program, args, options);
    if (ran.code === 0) return ran;
    throw new Failure(`${what}: ${program} failed with exit code ${ran.code}\n${lastLines(ran.output)}`);
  };
}

/** Return the last lines of a program's output, indented. */
export function lastLines(output: string, count = 6): string {
  const lines = output.split("\n").filter((line) => line.trim() !== "");
  return lines
    .slice(-count)
    .map((line) => `    ${line}`)
    .join("\n");
}
