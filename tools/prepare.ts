// Brings what the tests need and a fresh machine lacks: a WebGPU adapter for Node, and a Chromium for the browser tests.
import { run, SetupError } from "../src/node/command.ts";
import { installGpu } from "../src/node/dawn.ts";
import { cacheChromium } from "../src/node/npm_chromium.ts";
import { ensureAdapter, gatherFacts } from "../src/node/setup.ts";
import { aptInstall, aptUpdate, hasAptLists } from "../src/node/setup_apt.ts";
import { findChromium } from "./chromium.ts";

const say = (line: string): void => void process.stderr.write(`${line}\n`);

/** Makes sure that there is an adapter and a browser; says what it found or did. Errors: SetupError or AdapterError. */
export async function prepare(log: (line: string) => void = say): Promise<void> {
  await ensureAdapter(log);
  const { how, name } = await installGpu({ requireGpu: false });
  log(`prepare: adapter ${name} (${how === "system" ? "the system's driver" : `${how} of the cache`})`);
  log(`prepare: browser ${await ensureChromium(log)}`);
}

/** Path of a Chromium, installed if there is none: by apt with root's rights on Debian, else npm's copy into the cache. */
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
    return findChromium();
  };
  // Ubuntu's chromium package is a pointer to a snap, which a container cannot run.
  if (facts.apt && facts.distribution === "debian" && (facts.root || facts.sudo)) {
    const found = await attempt("installing Debian's chromium", async () => {
      if (!(await hasAptLists())) await aptUpdate(facts.sudo, log);
      await aptInstall(["chromium"], { sudo: facts.sudo, log });
    });
    if (found && (await run(found, ["--version"])).code === 0) return found;
  }
  if (facts.platform === "linux" && facts.arch === "x64" && facts.npm) {
    const found = await attempt("fetching npm's copy into the cache (68 MB)", () => cacheChromium(log));
    if (found) return found;
  }
  const advice = "Install Chromium or Chrome, or say where one is with CHROMIUM=/path.";
  throw new SetupError([`no browser for the browser tests. ${advice}`, ...failures].join("\n"));
}
