// Installs what the tests need on a fresh machine: a WebGPU adapter for Node, and Chromium for the browser tests. Both
// go into the user's cache; the system is changed only after a yes on a terminal.
import { installGpu } from "../src/node/dawn.ts";
import { run } from "../src/node/programs.ts";
import { aptInstall, aptUpdate, hasAptLists } from "../src/setup/apt.ts";
import { cacheMesaLatest } from "../src/setup/cache_mesa_latest.ts";
import { SetupError } from "../src/setup/command.ts";
import { cacheChromium } from "../src/setup/npm_chromium.ts";
import { latestPlan } from "../src/setup/plan.ts";
import { ensureAdapter, gatherFacts } from "../src/setup/setup.ts";
import { terminalAsk } from "../src/setup/terminal_ask.ts";
import { NO_RECENT_LAVAPIPE, recentLavapipe } from "../test/support/recent_lavapipe_start.ts";
import { chromiumEnvironment, findChromium } from "./chromium.ts";

const say = (line: string): void => void process.stderr.write(`${line}\n`);

/** Unpack the driver of the tests that need Mesa 26.1, unless there is one. Returns why there is none; null if there is. */
async function ensureRecentLavapipe(log: (line: string) => void): Promise<string | null> {
  if (recentLavapipe() !== null) return null;
  const facts = await gatherFacts();
  if (latestPlan(facts) === null) return "expected Debian's apt on Linux to unpack it, got another system";
  log("prepare: no Mesa 26.1 or newer; unpacking mesa-latest into the cache (65 MB)");
  try {
    await cacheMesaLatest(facts, log);
    return null;
  } catch (cause) {
    return (cause as Error).message.split("\n")[0]!;
  }
}

/** Find or install an adapter and a browser, and log the result. Errors: SetupError or AdapterError. */
export async function prepare(log: (line: string) => void = say): Promise<void> {
  await ensureAdapter(log, terminalAsk());
  const { how, name } = await installGpu({ requireGpu: false });
  log(`prepare: adapter ${name} (${how === "system" ? "the system's driver" : `${how} of the cache`})`);
  const missing = await ensureRecentLavapipe(log);
  process.env[NO_RECENT_LAVAPIPE] = missing ?? "";
  const second = recentLavapipe();
  log(`prepare: ${second ? `second driver ${second.driver}, Mesa 26.1 or newer` : `no second driver: ${missing}`}`);
  log(`prepare: browser ${await ensureChromium(log)}`);
}

/** Return the path of Chromium. If there is none, install npm's copy into the cache or, after a yes, Debian's into the system. */
async function ensureChromium(log: (line: string) => void): Promise<string> {
  const there = findChromium();
  if (there) return there;
  const chosen = process.env["CHROMIUM"];
  if (chosen) throw new SetupError(`CHROMIUM=${chosen}: no such file`);
  const facts = await gatherFacts();
  const failures: string[] = [];
  const attempt = async (what: string, work: () => Promise<unknown>): Promise<string | undefined> => {
    log(`prepare: no browser; ${what}`);
    try {
      await work();
    } catch (cause) {
      failures.push((cause as Error).message);
    }
    const found = findChromium();
    if (found && (await run(found, ["--version"], { env: chromiumEnvironment(found) })).code === 0) return found;
    if (found) failures.push(`${found} does not start`);
    return undefined;
  };
  if (facts.platform === "linux" && facts.arch === "x64" && facts.npm) {
    const found = await attempt("fetching npm's copy into the cache (68 MB)", () => cacheChromium(log));
    if (found) return found;
  }
  // Ubuntu's chromium package installs a snap, which containers cannot run.
  const sudo = !facts.root;
  const possible = facts.apt && facts.distribution === "debian" && (facts.root || facts.sudo);
  if (possible && (await terminalAsk()?.(`Install chromium into the system with apt${sudo ? " and sudo" : ""}?`))) {
    const found = await attempt("installing Debian's chromium", async () => {
      if (!(await hasAptLists())) await aptUpdate(sudo, log);
      await aptInstall(["chromium"], { sudo, log });
    });
    if (found) return found;
  }
  const advice = "Install Chromium or Chrome, or set CHROMIUM=/path.";
  throw new SetupError([`no browser for the browser tests. ${advice}`, ...failures].join("\n"));
}
