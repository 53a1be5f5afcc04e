// Runs the `espalier` command as a user would, in a separate process.
import { spawn } from "node:child_process";
import { resolve } from "node:path";

const root = resolve(import.meta.dirname, "../..");

export interface Result {
  code: number | null;
  out: string;
  err: string;
}

/** Runs the command. `kill` sees what both streams have said so far and may answer with a signal to send. */
export function espalier(
  args: string[],
  { env = {}, kill }: { env?: Record<string, string>; kill?: (out: string, err: string) => NodeJS.Signals | null } = {},
): Promise<Result> {
  return new Promise((done) => {
    const flags = ["--import", "tsx", "--import", "./tools/wgsl_node.mjs", "src/cli/main.ts", ...args];
    const child = spawn(process.execPath, flags, { cwd: root, env: { ...process.env, ...env } });
    let out = "";
    let err = "";
    let sent = false;
    const look = () => {
      const signal = sent ? null : kill?.(out, err);
      if (!signal) return;
      sent = true; // a second interrupt would mean: at once
      child.kill(signal);
    };
    child.stdout.on("data", (chunk) => {
      out += chunk;
      look();
    });
    child.stderr.on("data", (chunk) => {
      err += chunk;
      look();
    });
    child.on("close", (code) => done({ code, out, err }));
  });
}

/** The command's own lines, without the driver's warnings. */
export const ownLines = (err: string) =>
  err
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("Warning: max") && !line.startsWith("espalier: no GPU in use"));
