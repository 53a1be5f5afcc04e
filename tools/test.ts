// `npm test`: prepares the machine, then runs every vitest project. Arguments go to vitest.
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { NO_RECENT_LAVAPIPE } from "../test/support/recent_lavapipe_start.ts";
import { prepare } from "./prepare.ts";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Run vitest in a child process. Resolves with its exit code, or with 128 + the signal's number. */
function runVitest(args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const vitest = join(dirname(createRequire(import.meta.url).resolve("vitest/package.json")), "vitest.mjs");
  const child = spawn(process.execPath, [vitest, "run", ...args], { cwd: root, stdio: "inherit", env });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 1)));
  });
}

try {
  // Choosing a cached driver sets variables that the browser would inherit. Each test process chooses its driver itself.
  const before = { ...process.env };
  await prepare();
  const { ESPALIER_SOFTWARE_NOTED, [NO_RECENT_LAVAPIPE]: missing } = process.env;
  const env = { ...before, ESPALIER_SOFTWARE_NOTED, [NO_RECENT_LAVAPIPE]: missing };
  process.exitCode = await runVitest(process.argv.slice(2), env);
} catch (error) {
  process.stderr.write(`espalier: ${(error as Error).message}\n`);
  process.exitCode = 1;
}
