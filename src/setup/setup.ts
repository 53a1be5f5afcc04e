// Brings a software adapter onto a machine that has none, and says whether the one there is works. What belongs to the
// system is changed only with a yes.
import { readFile } from "node:fs/promises";
import { installGpu } from "../node/dawn.ts";
import { AdapterError, type Installed, setupCommand } from "../node/ladder.ts";
import { expectKeys, type KeysOf } from "../text/index.ts";
import { aptPolicy, aptUpdate, cacheMesa, hasAptLists, installMesa, readAptSources } from "./apt.ts";
import { run, SetupError } from "./command.ts";
import { signOfGpu } from "./hardware.ts";
import { cacheSwiftShader } from "./npm_chromium.ts";
import {
  cachePlans,
  noPlanText,
  PLAN_KINDS,
  type Plan,
  type PlanKind,
  type SetupFacts,
  type SystemPlan,
  systemPlan,
} from "./plan.ts";
import { type Probe, probeAdapter, probeLines } from "./probe.ts";

/** Asks the reader a question that is answered by yes or no. */
export type Ask = (question: string) => Promise<boolean>;

export interface SetupOptions {
  /** A yes to changing the system: packages, and a package source where that is needed; with sudo unless root. */
  readonly system?: boolean;
  /** Takes this way only, even if an adapter works already: `mesa` or `swiftshader` (cache), `apt` (system; with a yes). */
  readonly driver?: PlanKind;
  /** Asks for that yes where `system` does not give it. Default: nobody is there to ask, which means no. */
  readonly ask?: Ask | undefined;
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
    sudo: linux && !root && (await exists("sudo")),
    apt,
    npm: await exists("npm"),
    distribution: field("ID"),
    codename,
    policy: apt ? await aptPolicy() : { candidate: null, versions: [] },
    hasMirror: sources.some((s) => s.suites.includes(codename) && s.components.includes("main")),
  };
}

async function carryOut(plan: Plan, facts: SetupFacts, log: (line: string) => void): Promise<void> {
  if (plan.kind !== "apt") return plan.kind === "mesa" ? cacheMesa(facts, log) : cacheSwiftShader(log);
  if (plan.sudo && (await run("sudo", ["-n", "true"], { seconds: 10 })).code !== 0) {
    throw new SetupError("sudo asks for a password: run sudo -v first, in the same terminal");
  }
  return installMesa(plan, facts, log);
}

/** Installs an adapter into this process, proves it, and prints what it is. `how`: where its driver has to come from. */
async function prove(log: (line: string) => void, how?: Installed["how"]): Promise<Probe> {
  const found = await installGpu({ requireGpu: false, driver: how });
  const probe = await probeAdapter();
  log(`driver    ${found.how === "system" ? "the system's" : `${found.how}, from the cache`}`);
  for (const line of probeLines(probe)) log(line);
  return probe;
}

/** Why no adapter works; null where one does. What no driver can mend (a wrong name, a broken Dawn) is thrown on. */
async function refusalHere(): Promise<AdapterError | null> {
  try {
    await installGpu({ requireGpu: false });
    return null;
  } catch (cause) {
    if (cause instanceof AdapterError && cause.mendable) return cause;
    throw cause;
  }
}

/** What setup does to a machine; a test has a machine of its own. */
export interface Machine {
  /** Why no adapter works; null where one does. */
  refusal(): Promise<AdapterError | null>;
  /** The sign of a GPU whose own driver is what has to be mended. */
  signOfGpu(): string | null;
  facts(): Promise<SetupFacts>;
  hasPackageLists(): Promise<boolean>;
  refreshPackageLists(sudo: boolean, log: (line: string) => void): Promise<void>;
  carryOut(plan: Plan, facts: SetupFacts, log: (line: string) => void): Promise<void>;
  prove(log: (line: string) => void, how?: Installed["how"]): Promise<Probe>;
}

const thisMachine: Machine = {
  refusal: refusalHere,
  signOfGpu,
  facts: gatherFacts,
  hasPackageLists: hasAptLists,
  refreshPackageLists: aptUpdate,
  carryOut,
  prove,
};

/**
 * Makes sure that an adapter works: prints the plan, carries out the first way that applies and works, and proves what that
 * way brought with a kernel. Does nothing but the proof where an adapter works already. The user's cache comes first; the
 * system is changed with a yes only. Errors: SetupError with what failed, or with the sign of a GPU whose driver is broken.
 */
export async function setup(options: SetupOptions = {}, machine: Machine = thisMachine): Promise<Probe> {
  const known: KeysOf<SetupOptions> = { system: true, driver: true, ask: true, log: true };
  expectKeys(options, known, (problem) => new SetupError(`setup: ${problem}`));
  const { system = false, driver, log = toStderr } = options;
  if (driver !== undefined && !PLAN_KINDS.includes(driver)) {
    throw new SetupError(`driver: expected one of ${PLAN_KINDS.join(", ")}, got ${JSON.stringify(driver)}`);
  }
  if (driver === undefined) {
    const refusal = await machine.refusal();
    if (refusal === null) {
      log("An adapter works already; nothing to install.");
      return machine.prove(log);
    }
    expectNoGpu(refusal, machine);
  }
  const facts = await machine.facts();
  const plans = cachePlans(facts).filter((plan) => driver === undefined || plan.kind === driver);
  if (plans.length > 0) log("Plan: the first of these that works");
  for (const [i, plan] of plans.entries()) log(`  ${i + 1}. ${plan.text}`);
  const attempts = new Attempts(machine, log);
  const bySystem = async () => {
    const agreed = driver === undefined || driver === "apt" ? await agreedPlan(facts, options, machine) : null;
    return agreed && attempts.make(agreed.plan, agreed.facts);
  };
  // Who asks for the system's driver gets it first.
  let probe = system ? await bySystem() : null;
  for (const plan of plans) probe ??= await attempts.make(plan, facts);
  if (!system) probe ??= await bySystem();
  if (probe) return probe;
  throw new SetupError(`${attempts.summary(facts, driver)}${systemHint(facts, options)}`);
}

/** Ways that are carried out one after another, and why they did not work. */
class Attempts {
  private readonly machine: Machine;
  private readonly log: (line: string) => void;
  private readonly failures: string[] = [];

  constructor(machine: Machine, log: (line: string) => void) {
    this.machine = machine;
    this.log = log;
  }

  /** Carries out a way, and proves what it brought, not what else there is. Null when it did not work. */
  async make(plan: Plan, facts: SetupFacts): Promise<Probe | null> {
    const { machine, log } = this;
    try {
      log(plan.text.split(" (")[0]!);
      await machine.carryOut(plan, facts, log);
      return await machine.prove(log, plan.kind === "apt" ? "system" : plan.kind);
    } catch (cause) {
      const { message } = cause as Error;
      this.failures.push(`${plan.kind}: ${message}`);
      log(`  did not work: ${message.split("\n")[0]}`);
      return null;
    }
  }

  /** Why there is no adapter after all. */
  summary(facts: SetupFacts, driver: PlanKind | undefined): string {
    if (this.failures.length > 0) return `no way to get a software adapter worked:\n  ${this.failures.join("\n  ")}`;
    if (driver === undefined) return noPlanText(facts);
    return `the way ${driver} does not apply on this machine${driver === "apt" ? ", or not without a yes" : ""}`;
  }
}

/** What a yes would allow, for somebody who has not given it. */
function systemHint(facts: SetupFacts, { system, driver }: SetupOptions): string {
  const plan = system || (driver !== undefined && driver !== "apt") ? null : systemPlan(facts);
  return plan ? `\nWith a yes (${setupCommand()} --system) it would ${plan.text}.` : "";
}

/** The system's way with the reader's yes; null where there is none, or a no. Package lists are refreshed after the yes. */
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
  if (!system && !(await ask(`May it ${what}?`))) return null;
  if (fresh) return plan && { plan, facts };
  await machine.refreshPackageLists(!facts.root, log);
  const refreshed = await machine.facts();
  const renewed = systemPlan(refreshed);
  return renewed && { plan: renewed, facts: refreshed };
}

/** No installation where a GPU's own driver is what has to be mended. */
function expectNoGpu(refusal: AdapterError, machine: Machine): void {
  const sign = machine.signOfGpu();
  if (sign === null) return;
  throw new SetupError(
    `${refusal.message}\n${sign}. Install or repair its driver; nothing was installed. For a software adapter all the same: ${setupCommand()} --driver mesa`,
  );
}

/** Checks the adapter and changes nothing. Errors: AdapterError or what the proof found; its text holds the plan. */
export async function doctor(options: Pick<SetupOptions, "log"> = {}): Promise<Probe> {
  expectKeys(options, { log: true }, (problem) => new SetupError(`doctor: ${problem}`));
  const { log = toStderr } = options;
  try {
    return await prove(log);
  } catch (cause) {
    const sign = signOfGpu();
    if (sign !== null) throw new SetupError(`${(cause as Error).message}\n${sign}. Install or repair its driver.`);
    const facts = await gatherFacts();
    const system = systemPlan(facts);
    const plans = cachePlans(facts).map((plan, i) => `  ${i + 1}. ${plan.text}`);
    const last = system ? [`With a yes (--system): ${system.text}`] : [];
    const advice =
      plans.length + last.length > 0
        ? ["What setup would do, the first that works:", ...plans, ...last]
        : [noPlanText(facts)];
    throw new SetupError([(cause as Error).message, ...advice].join("\n"));
  }
}

/**
 * Makes sure that `installGpu` works, setting up a software driver in the user's cache where it does not: what `npm start` and
 * `npm test` do first. `ask`: for a yes to more than that.
 */
export async function ensureAdapter(log: (line: string) => void = toStderr, ask?: Ask): Promise<void> {
  if ((await refusalHere()) === null) return;
  log("espalier: no WebGPU adapter yet; setting up a software one");
  await setup({ log, ask });
}
