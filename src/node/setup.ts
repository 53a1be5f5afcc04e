// Brings a software adapter onto a machine that has none, and says whether the one there is works.
import { readFile } from "node:fs/promises";
import { run, SetupError } from "./command.ts";
import { installGpu } from "./dawn.ts";
import { AdapterError } from "./ladder.ts";
import { cacheSwiftShader } from "./npm_chromium.ts";
import { type Probe, probeAdapter, probeLines } from "./probe.ts";
import { aptPolicy, aptUpdate, cacheMesa, hasAptLists, installMesa, readAptSources } from "./setup_apt.ts";
import { choosePlans, noPlanText, PLAN_KINDS, type Plan, type PlanKind, type SetupFacts } from "./setup_plan.ts";

export interface SetupOptions {
  /** Allow to add a package source to the system where that is needed. */
  readonly yes?: boolean;
  /** Take this way only, even if an adapter works already: `apt` (system), `mesa` or `swiftshader` (cache). */
  readonly driver?: PlanKind;
  /** Gets each line for the reader. Default: stderr. */
  readonly log?: (line: string) => void;
}

const toStderr = (line: string): void => void process.stderr.write(`${line}\n`);

/** Whether a program can be started. */
const exists = async (program: string, flag = "--version"): Promise<boolean> => (await run(program, [flag])).code === 0;

/** Looks at the machine. Changes nothing. */
export async function gatherFacts(): Promise<SetupFacts> {
  const release = await readFile("/etc/os-release", "utf8").catch(() => "");
  const field = (name: string) => new RegExp(`^${name}="?([^"\n]*)"?$`, "m").exec(release)?.[1] ?? "";
  const root = process.getuid?.() === 0;
  const linux = process.platform === "linux";
  const apt = linux && (await exists("apt-get")) && (await exists("dpkg"));
  const codename = field("VERSION_CODENAME");
  const sources = apt ? await readAptSources() : [];
  return {
    platform: process.platform,
    arch: process.arch,
    root,
    sudo: linux && !root && (await run("sudo", ["-n", "true"], { seconds: 10 })).code === 0,
    apt,
    npm: await exists("npm"),
    distribution: field("ID"),
    codename,
    policy: apt ? await aptPolicy() : { candidate: null, versions: [] },
    hasMirror: sources.some((s) => s.suites.includes(codename) && s.components.includes("main")),
  };
}

async function carryOut(plan: Plan, facts: SetupFacts, log: (line: string) => void): Promise<void> {
  if (plan.kind === "apt") await installMesa(plan, facts, log);
  else if (plan.kind === "mesa") await cacheMesa(facts, log);
  else await cacheSwiftShader(log);
}

/** Installs the adapter into this process, proves it, and prints what it is. */
async function prove(log: (line: string) => void): Promise<Probe> {
  const { how } = await installGpu({ requireGpu: false });
  const probe = await probeAdapter();
  log(`driver    ${how === "system" ? "the system's" : `${how}, from the cache`}`);
  for (const line of probeLines(probe)) log(line);
  return probe;
}

/**
 * Makes sure that an adapter works: prints the plan, carries out the first way that applies and works, and proves the
 * result with a kernel. Does nothing but the proof where an adapter works already. Errors: SetupError with what failed.
 */
export async function setup(options: SetupOptions = {}): Promise<Probe> {
  const { yes = false, driver, log = toStderr } = options;
  if (driver !== undefined && !PLAN_KINDS.includes(driver)) {
    throw new SetupError(`driver wants one of ${PLAN_KINDS.join(", ")}, was given ${JSON.stringify(driver)}`);
  }
  if (driver === undefined && (await works())) {
    log("An adapter works already; nothing to install.");
    return prove(log);
  }
  let facts = await gatherFacts();
  if (facts.apt && (facts.root || facts.sudo) && !(await hasAptLists())) {
    log("This machine has no package lists yet.");
    await aptUpdate(facts.sudo, log);
    facts = await gatherFacts();
  }
  const plans = choosePlans(facts, { yes }).filter((plan) => driver === undefined || plan.kind === driver);
  if (plans.length === 0) {
    throw new SetupError(driver === undefined ? noPlanText(facts) : `the way ${driver} does not apply on this machine`);
  }
  log("Plan: the first of these that works");
  for (const [i, plan] of plans.entries()) log(`  ${i + 1}. ${plan.text}`);
  const failures: string[] = [];
  for (const [i, plan] of plans.entries()) {
    try {
      log(`${i + 1}. ${plan.text.split(" (")[0]}`);
      await carryOut(plan, facts, log);
      return await prove(log);
    } catch (cause) {
      failures.push(`${plan.kind}: ${(cause as Error).message}`);
      log(`  did not work: ${(cause as Error).message.split("\n")[0]}`);
    }
  }
  throw new SetupError(`no way to get a software adapter worked:\n  ${failures.join("\n  ")}`);
}

/** Whether an adapter works. What no driver can mend (a wrong name, a broken Dawn) is thrown on. */
async function works(): Promise<boolean> {
  try {
    await installGpu({ requireGpu: false });
    return true;
  } catch (cause) {
    if (cause instanceof AdapterError && cause.mendable) return false;
    throw cause;
  }
}

/** Checks the adapter and changes nothing. Errors: AdapterError or what the proof found; its text holds the plan. */
export async function doctor(options: Pick<SetupOptions, "log"> = {}): Promise<Probe> {
  const { log = toStderr } = options;
  try {
    return await prove(log);
  } catch (cause) {
    const facts = await gatherFacts();
    const plans = choosePlans(facts, { yes: true }).map((plan, i) => `  ${i + 1}. ${plan.text}`);
    const advice = plans.length > 0 ? ["What setup would do, the first that works:", ...plans] : [noPlanText(facts)];
    throw new SetupError([(cause as Error).message, ...advice].join("\n"));
  }
}

/** Makes sure that `installGpu` works, setting up a software driver where it does not: what `npm start` and `npm test` do first. */
export async function ensureAdapter(log: (line: string) => void = toStderr): Promise<void> {
  if (await works()) return;
  log("espalier: no WebGPU adapter yet; setting up a software one");
  await setup({ yes: true, log });
}
