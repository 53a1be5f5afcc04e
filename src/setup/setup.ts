// Installs a software adapter on a machine without one, and tests the adapter. The system is changed only with consent.
import { readFile } from "node:fs/promises";
import { espalierCommand } from "../node/command_name.ts";
import { installGpu } from "../node/dawn.ts";
import { AdapterError, type InstalledAdapter } from "../node/ladder.ts";
import { chooseMesaLatest, mesaLatestPaths, runsOnMesaLatest } from "../node/mesa_latest.ts";
import { isRecentMesa } from "../node/mesa_version.ts";
import { run } from "../node/programs.ts";
import { expectKeys, type KeysOf } from "../text/index.ts";
import { aptPolicy, aptUpdate, cacheMesa, hasAptLists, installMesa, readAptSources } from "./apt.ts";
import { cacheMesaLatest } from "./cache_mesa_latest.ts";
import { must, SetupError } from "./command.ts";
import { driverLines, fasterDriver } from "./driver_lines.ts";
import { signOfGpu } from "./hardware.ts";
import { cacheSwiftShader } from "./npm_chromium.ts";
import {
  type CachePlan,
  cachePlans,
  latestPlan,
  noPlanText,
  PLAN_KINDS,
  type Plan,
  type PlanKind,
  type SetupFacts,
  type SystemPlan,
  systemPlan,
} from "./plan.ts";
import { type Probe, probeAdapter, probeLines } from "./probe.ts";

/** Ask the user a yes-or-no question. */
export type Ask = (question: string) => Promise<boolean>;

export interface SetupOptions {
  /** True allows changes of the system: packages, and a package source if needed; with sudo unless root. */
  readonly system?: boolean;
  /**
   * The only plan to try, even if an adapter works: `mesa`, `mesa-latest` or `swiftshader` (cache), `apt` (system; needs
   * consent). Commands start with the C library of mesa-latest until another driver is set up.
   */
  readonly driver?: PlanKind;
  /** Question for consent if `system` is not set. Default: no question, no consent. */
  readonly ask?: Ask | undefined;
  /** Receives each printed line. Default: stderr. */
  readonly log?: (line: string) => void;
}

const toStderr = (line: string): void => void process.stderr.write(`${line}\n`);

/** Return true if a program can be started. */
const exists = async (program: string, flag = "--version"): Promise<boolean> => (await run(program, [flag])).code === 0;

/** Collect the facts of the machine. Changes nothing. */
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
    sudo: linux && !root && (await exists("sudo")),
    apt,
    npm: await exists("npm"),
    distribution: field("ID"),
    codename,
    policy: apt ? await aptPolicy() : { candidate: null, versions: [] },
    hasMirror: sources.some((s) => s.suites.includes(codename) && s.components.includes("main")),
  };
}

/** Functions that fill the cache with a driver. */
const CACHE_WAYS: Readonly<
  Record<CachePlan["kind"], (facts: SetupFacts, log: (line: string) => void) => Promise<void>>
> = {
  mesa: cacheMesa,
  "mesa-latest": cacheMesaLatest,
  swiftshader: (_, log) => cacheSwiftShader(log),
};

async function carryOut(plan: Plan, facts: SetupFacts, log: (line: string) => void): Promise<void> {
  if (plan.kind !== "apt") return CACHE_WAYS[plan.kind](facts, log);
  if (plan.sudo && (await run("sudo", ["-n", "true"], { seconds: 10 })).code !== 0)
    throw new SetupError("sudo needs a password: run sudo -v first, in the same terminal");
  return installMesa(plan, facts, log);
}

/** Result of testing an adapter: its properties, and the lines that describe it and its driver. */
interface Tested {
  readonly probe: Probe;
  readonly lines: readonly string[];
}

/** Install an adapter into this process and test it. `how`: required origin of its driver. */
export async function testHere(how?: InstalledAdapter["how"]): Promise<Tested> {
  const found = await installGpu({ requireGpu: false, driver: how });
  const probe = await probeAdapter();
  return { probe, lines: [...driverLines(found.how, probe), ...probeLines(probe)] };
}

/** Test an adapter and print what it is. mesa-latest is tested in a process that is started with its C library. */
async function testAdapter(log: (line: string) => void, how?: InstalledAdapter["how"]): Promise<Probe> {
  const elsewhere = how === "mesa-latest" && !runsOnMesaLatest();
  const { probe, lines } = elsewhere ? await testOnMesaLatest() : await testHere(how);
  for (const line of lines) log(line);
  return probe;
}

/** Test mesa-latest in another process, which imports this module. Errors: SetupError with the last lines of its output. */
async function testOnMesaLatest(): Promise<Tested> {
  const script = `const { testHere } = await import(${JSON.stringify(import.meta.url)});
    console.log(JSON.stringify(await testHere("mesa-latest")));
    process.exit(0);`;
  const loaders = process.execArgv.filter((_, i, all) => [all[i], all[i - 1]].includes("--import"));
  const { stdout } = await must(
    "mesa-latest does not work",
    mesaLatestPaths().node,
    [...loaders, "--input-type=module", "--eval", script],
    { env: { ESPALIER_NODE: process.execPath, ESPALIER_SOFTWARE_NOTED: "1" }, seconds: 120 },
  );
  return JSON.parse(stdout.slice(stdout.indexOf("{"))) as Tested;
}

/** Return the reason why no adapter works, or null. Errors that no driver can fix (wrong name, broken Dawn) are rethrown. */
async function refusalHere(): Promise<AdapterError | null> {
  try {
    await installGpu({ requireGpu: false });
    return null;
  } catch (cause) {
    if (cause instanceof AdapterError && cause.mendable) return cause;
    throw cause;
  }
}

/** Operations of set-up on a machine; tests use a fake. */
export interface Machine {
  /** Reason why no adapter works, or null. */
  refusal(): Promise<AdapterError | null>;
  /** Evidence of a GPU whose driver needs repair, or null. */
  signOfGpu(): string | null;
  facts(): Promise<SetupFacts>;
  hasPackageLists(): Promise<boolean>;
  refreshPackageLists(sudo: boolean, log: (line: string) => void): Promise<void>;
  carryOut(plan: Plan, facts: SetupFacts, log: (line: string) => void): Promise<void>;
  prove(log: (line: string) => void, how?: InstalledAdapter["how"]): Promise<Probe>;
  /** Note the user's choice of a driver for later commands. */
  choose(driver: PlanKind): void;
}

const thisMachine: Machine = {
  refusal: refusalHere,
  signOfGpu,
  facts: gatherFacts,
  hasPackageLists: hasAptLists,
  refreshPackageLists: aptUpdate,
  carryOut,
  prove: testAdapter,
  choose: (driver) => chooseMesaLatest(driver === "mesa-latest"),
};

/**
 * Ensure that an adapter works: print the plans, carry out the first that applies and works, and test its adapter with a
 * kernel. If an adapter works already, only test it. The user's cache comes first; the system is changed only with consent.
 * Errors: SetupError with the failed steps, or with the evidence of a GPU whose driver is broken.
 */
export async function setup(options: SetupOptions = {}, machine: Machine = thisMachine): Promise<Probe> {
  const known: KeysOf<SetupOptions> = { system: true, driver: true, ask: true, log: true };
  expectKeys(options, known, (problem) => new SetupError(`setup: ${problem}`));
  const { system = false, driver, log = toStderr } = options;
  if (driver !== undefined && !PLAN_KINDS.includes(driver))
    throw new SetupError(`driver: expected one of ${PLAN_KINDS.join(", ")}, got ${JSON.stringify(driver)}`);
  if (driver === undefined) {
    const refusal = await machine.refusal();
    if (refusal === null) {
      log("An adapter works already; nothing to install.");
      const probe = await machine.prove(log);
      const advice = fasterDriver(probe, newerMesa(await machine.facts()));
      if (advice !== null) log(advice);
      return probe;
    }
    expectNoGpu(refusal, machine);
  }
  const facts = await machine.facts();
  const plans = chosenPlans(facts, driver);
  if (plans.length > 0) log("Plan: the first of these that works");
  for (const [i, plan] of plans.entries()) log(`  ${i + 1}. ${plan.text}`);
  const attempts = attemptsOn(machine, log);
  const bySystem = async () => {
    const agreed = driver === undefined || driver === "apt" ? await agreedPlan(facts, options, machine) : null;
    return agreed && attempts.make(agreed.plan, agreed.facts);
  };
  // With --system, the system's plan comes first.
  let probe = system ? await bySystem() : null;
  for (const plan of plans) probe ??= await attempts.make(plan, facts);
  if (!system) probe ??= await bySystem();
  if (probe && driver !== undefined) machine.choose(driver);
  if (probe) return probe;
  throw new SetupError(`${attempts.summary(facts, driver)}${systemHint(facts, options)}`);
}

/** Return the plans for the cache that fit the choice of a driver. */
function chosenPlans(facts: SetupFacts, driver: PlanKind | undefined): CachePlan[] {
  if (driver === undefined) return cachePlans(facts);
  const latest = latestPlan(facts);
  return [...cachePlans(facts), ...(latest === null ? [] : [latest])].filter(({ kind }) => kind === driver);
}

/** Return the driver that would bring a newer Mesa: the distribution's if apt lists one, else mesa-latest where it can be set up. */
function newerMesa(facts: SetupFacts): "mesa" | "mesa-latest" | null {
  if (facts.policy.versions.some(({ version }) => isRecentMesa(version))) return "mesa";
  return latestPlan(facts) === null ? null : "mesa-latest";
}

/** Requirements of each driver, as the end of the message that it cannot be installed. */
const NEEDS: Readonly<Record<PlanKind, string>> = {
  mesa: ": expected Linux with apt",
  "mesa-latest": ": expected Debian with apt, on x64 or arm64",
  swiftshader: ": expected Linux on x64 with npm",
  apt: ", or not without --system",
};

/** Carries out plans one after another, and collects the reasons why they failed. */
function attemptsOn(machine: Machine, log: (line: string) => void) {
  const failures: string[] = [];
  return {
    /** Carry out a plan and test the adapter that it installed. Null if it failed. */
    async make(plan: Plan, facts: SetupFacts): Promise<Probe | null> {
      try {
        log(plan.text.split(" (")[0]!);
        await machine.carryOut(plan, facts, log);
        return await machine.prove(log, plan.kind === "apt" ? "system" : plan.kind);
      } catch (cause) {
        const { message } = cause as Error;
        failures.push(`${plan.kind}: ${message}`);
        log(`  failed: ${message.split("\n")[0]}`);
        return null;
      }
    },
    /** Return the reasons why there is still no adapter. */
    summary(facts: SetupFacts, driver: PlanKind | undefined): string {
      if (failures.length > 0) return `cannot install a software adapter:\n  ${failures.join("\n  ")}`;
      if (driver === undefined) return noPlanText(facts);
      return `driver ${driver} cannot be installed on this machine${NEEDS[driver]}`;
    },
  };
}

/** Return the hint at the system's plan for a user who gave no consent. */
function systemHint(facts: SetupFacts, { system, driver }: SetupOptions): string {
  const plan = system || (driver !== undefined && driver !== "apt") ? null : systemPlan(facts);
  return plan ? `\nTo ${plan.text}, run ${espalierCommand()} setup --system.` : "";
}

/** Return the system's plan if the user consents; else null. Package lists are refreshed after consent. */
async function agreedPlan(
  facts: SetupFacts,
  { system = false, ask = async () => false, log = toStderr }: SetupOptions,
  machine: Machine,
): Promise<{ plan: SystemPlan; facts: SetupFacts } | null> {
  const may = facts.apt && (facts.root || facts.sudo);
  if (!may) return null;
  const fresh = await machine.hasPackageLists();
  const plan = systemPlan(facts);
  if (!plan && fresh) return null;
  const refresh = "refresh the system's package lists and ";
  const what = `${fresh ? "" : refresh}${plan?.text ?? "install Mesa's driver into the system with apt"}`;
  if (!system && !(await ask(`Allow espalier to ${what}?`))) return null;
  if (fresh) return plan && { plan, facts };
  await machine.refreshPackageLists(!facts.root, log);
  const refreshed = await machine.facts();
  const renewed = systemPlan(refreshed);
  return renewed && { plan: renewed, facts: refreshed };
}

/** Refuse to install a software driver if the driver of a GPU needs repair. */
function expectNoGpu(refusal: AdapterError, machine: Machine): void {
  const sign = machine.signOfGpu();
  if (sign === null) return;
  const problem = `${refusal.message}\n${sign}. Install or repair its driver; nothing was installed. To use a software adapter instead, run ${espalierCommand()} setup --driver mesa`;
  throw new SetupError(problem);
}

/** Test the adapter. Changes nothing. Errors: SetupError with the failure and the plans that set-up would try. */
export async function doctor(options: Pick<SetupOptions, "log"> = {}): Promise<Probe> {
  expectKeys(options, { log: true }, (problem) => new SetupError(`doctor: ${problem}`));
  const { log = toStderr } = options;
  try {
    return await testAdapter(log);
  } catch (cause) {
    const sign = signOfGpu();
    if (sign !== null) throw new SetupError(`${(cause as Error).message}\n${sign}. Install or repair its driver.`);
    const facts = await gatherFacts();
    const system = systemPlan(facts);
    const plans = cachePlans(facts).map((plan, i) => `  ${i + 1}. ${plan.text}`);
    const last = system ? [`With --system: ${system.text}`] : [];
    const advice =
      plans.length + last.length > 0
        ? ["Plans of espalier setup, which carries out the first that works:", ...plans, ...last]
        : [noPlanText(facts)];
    throw new SetupError([(cause as Error).message, ...advice].join("\n"));
  }
}

/**
 * Ensure that `installGpu` works; if not, install a software driver in the user's cache. `npm start` and `npm test` do this
 * first. `ask`: question for consent to change the system.
 */
export async function ensureAdapter(log: (line: string) => void = toStderr, ask?: Ask): Promise<void> {
  if ((await refusalHere()) === null) return;
  log("espalier: no WebGPU adapter found; installing a software one");
  await setup({ log, ask });
}
