// Runs programs on a lavapipe of Mesa 26.1 or newer, which has subgroup matrices: the system's driver or the cache's if it is
// recent, else mesa-latest, which `npm test` unpacks into the cache.
import { spawn } from "node:child_process";
import { resolve } from "node:path";
import { type TestContext, type TestOptions, test } from "vitest";
import type { Result } from "./cli.ts";
import { NO_RECENT_LAVAPIPE, recentLavapipe } from "./recent_lavapipe_start.ts";

const root = resolve(import.meta.dirname, "../..");

/** Run a script of the repository on a recent lavapipe. Its loaders and environment are those of the tests. */
export function runOnRecentLavapipe(
  script: string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<Result> {
  const start = recentLavapipe();
  if (start === null) throw new Error("expected lavapipe of Mesa 26.1 or newer, got none");
  const flags = ["--import", "tsx", "--import", "./tools/wgsl_node.mjs", resolve(root, script), ...args];
  const child = spawn(start.node, flags, {
    cwd: root,
    env: {
      ...process.env,
      ESPALIER_NODE: process.env["ESPALIER_NODE"] || process.execPath,
      ESPALIER_DRIVER: start.driver,
      ESPALIER_SOFTWARE_NOTED: "1",
      ...env,
    },
  });
  let [out, err] = ["", ""];
  child.stdout.on("data", (chunk) => {
    out += chunk;
  });
  child.stderr.on("data", (chunk) => {
    err += chunk;
  });
  return new Promise((done, reject) => {
    child.on("error", reject);
    child.on("close", (code) => done({ code, out, err }));
  });
}

let noted = false;

/** Define a test that needs a recent lavapipe; where there is none, it is skipped, and one line says why. */
export function testOnRecentLavapipe(name: string, body: () => Promise<void>, options: TestOptions = {}): void {
  if (recentLavapipe() !== null) {
    test(name, options, body);
    return;
  }
  const reason = process.env[NO_RECENT_LAVAPIPE] || "npm test or espalier setup --driver mesa-latest sets it up";
  const line = `no lavapipe of Mesa 26.1 or newer: ${reason}`;
  if (!noted) process.stderr.write(`tests skipped: ${line}\n`);
  noted = true;
  test(name, (context: TestContext) => context.skip(line));
}
