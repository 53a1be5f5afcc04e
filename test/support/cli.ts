// Runs the `espalier` command as a user would, in a separate process.
import { spawn } from "node:child_process";
import { resolve } from "node:path";

const root = resolve(import.meta.dirname, "../..");

export interface Result {
  code: number | null;
  out: string;
  err: string;
}

interface Circumstances {
  env?: Record<string, string>;
  /** Sees what both streams have said so far, and may answer with a signal to send. */
  kill?: (out: string, err: string) => NodeJS.Signals | null;
  /** Packages that the process does not find. */
  hide?: readonly string[];
}

/** Runs the command. */
export function espalier(args: string[], { env = {}, kill, hide = [] }: Circumstances = {}): Promise<Result> {
  return new Promise((done) => {
    const modules = ["tsx", "./tools/wgsl_node.mjs", ...(hide.length > 0 ? ["./test/support/hide_packages.mjs"] : [])];
    const flags = [...modules.flatMap((module) => ["--import", module]), "src/cli/main.ts", ...args];
    const around = { ...process.env, HIDE_PACKAGES: hide.join(","), ...env };
    const child = spawn(process.execPath, flags, { cwd: root, env: around });
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
