// Runs other programs for `npm run bench:isa`, and its error.
import { spawn } from "node:child_process";

/** A problem that the user can solve. The message is one line, or ends with the last lines of a program. */
export class IsaError extends Error {
  override readonly name = "IsaError";
}

interface Ran {
  /** Exit code; 127 if the program does not exist. */
  readonly code: number;
  readonly stdout: string;
  /** stdout and stderr. */
  readonly output: string;
}

/** Run a program to its end. Variables of `env` replace those of this process. */
export function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}, cwd?: string): Promise<Ran> {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd,
      env: { ...process.env, LC_ALL: "C", DEBIAN_FRONTEND: "noninteractive", ...env },
      stdio: ["ignore", "pipe", "pipe"],
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
    child.on("close", (code) => resolve({ code: code ?? 1, stdout, output }));
  });
}

/** Run a program that must succeed. Errors: IsaError with `what` and the last lines of its output. */
export async function must(what: string, program: string, args: readonly string[], cwd?: string): Promise<string> {
  const { code, stdout, output } = await run(program, args, {}, cwd);
  if (code === 0) return stdout;
  throw new IsaError(`${what} (exit code ${code})\n${output.trimEnd().split("\n").slice(-5).join("\n")}`);
}
