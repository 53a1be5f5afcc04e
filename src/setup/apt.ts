// Mesa's software driver by apt: into the system with root's rights, or unpacked into the user's cache without.
import { existsSync } from "node:fs";
import { cp, mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { driverFolder, fillFolder } from "../node/cache.ts";
import { lastLines, must, run, SetupError } from "./command.ts";
import {
  type AptPolicy,
  type AptSource,
  backportsSource,
  MESA_PACKAGE,
  type MesaOrigin,
  mesaOrigin,
  OLDEST_MESA,
  parseAptPolicy,
  parseAptSources,
  parseSimulatedInstall,
  withoutPackage,
} from "./plan.ts";

/** The distribution as /etc/os-release names it. */
export interface Distribution {
  readonly distribution: string;
  readonly codename: string;
}

type Log = (line: string) => void;

const LISTS = "/var/lib/apt/lists";
const DPKG_STATUS = "/var/lib/dpkg/status";
const SOURCES = "/etc/apt/sources.list.d";
const OWN_SOURCE = join(SOURCES, "espalier-backports.sources");
/** Waits for another apt that holds the lock, and never asks about changed configuration files. */
const QUIET = [
  "-q",
  "-y",
  "-o",
  "DPkg::Lock::Timeout=120",
  "-o",
  "Dpkg::Use-Pty=0",
  "-o",
  "Dpkg::Options::=--force-confold",
];

/** Whether `apt-get update` was ever run here: a fresh container has no package lists. */
export async function hasAptLists(): Promise<boolean> {
  const names = await readdir(LISTS).catch(() => []);
  return names.some((name) => name.includes("_Packages"));
}

/** All sources that apt reads here. */
export async function readAptSources(): Promise<AptSource[]> {
  const names = (await readdir(SOURCES).catch(() => [])).filter((name) => /\.(sources|list)$/.test(name));
  const paths = ["/etc/apt/sources.list", ...names.sort().map((name) => join(SOURCES, name))];
  const texts = await Promise.all(paths.map((path) => readFile(path, "utf8").catch(() => "")));
  return texts.flatMap(parseAptSources);
}

export async function aptPolicy(options: readonly string[] = []): Promise<AptPolicy> {
  return parseAptPolicy((await run("apt-cache", [...options, "policy", MESA_PACKAGE])).stdout);
}

/** Runs a program with root's rights; its environment passes through sudo. */
function asRoot(sudo: boolean, program: string, args: readonly string[]): [string, string[]] {
  return sudo
    ? ["sudo", ["-n", "env", "LC_ALL=C", "DEBIAN_FRONTEND=noninteractive", program, ...args]]
    : [program, [...args]];
}

/** Refreshes the system's package lists. Its warnings about single sources are no reason to stop. */
export async function aptUpdate(sudo: boolean, log: Log): Promise<void> {
  log("  apt-get update");
  const { code, output } = await run(...asRoot(sudo, "apt-get", ["-q", "update"]));
  if (code !== 0)
    log(`  apt-get update ended with ${code}; going on with the lists there are\n${lastLines(output, 3)}`);
}

/** Installs packages into the system. With lists so old that files are gone, refreshes them and tries once more. */
export async function aptInstall(
  packages: readonly string[],
  options: { sudo: boolean; suite?: string; log: Log },
): Promise<void> {
  const target = options.suite ? ["-t", options.suite] : [];
  const args = [...QUIET, "--no-install-recommends", ...target, "install", ...packages];
  options.log(`  apt-get install ${[...target, ...packages].join(" ")}`);
  if ((await run(...asRoot(options.sudo, "apt-get", args))).code === 0) return;
  await aptUpdate(options.sudo, options.log);
  await must(`apt could not install ${packages.join(" ")}`, ...asRoot(options.sudo, "apt-get", args));
}

/** Installs Mesa's drivers into the system, from backports where `origin` says so. A source it added for nothing is removed. */
export async function installMesa(
  plan: { sudo: boolean; origin: MesaOrigin },
  system: Distribution,
  log: Log,
): Promise<void> {
  const { sudo } = plan;
  const suite = `${system.codename}-backports`;
  const options = { sudo, log, ...(plan.origin === "usual" ? {} : { suite }) };
  if (plan.origin !== "add-backports") return aptInstall([MESA_PACKAGE], options);
  const source = backportsSource(await readAptSources(), system.codename);
  if (!source) throw new SetupError(`no mirror for ${system.codename} was found among apt's sources`);
  log(`  add ${OWN_SOURCE}`);
  await must(`cannot write ${OWN_SOURCE}`, ...asRoot(sudo, "tee", [OWN_SOURCE]), { input: source });
  try {
    await aptUpdate(sudo, log);
    await aptInstall([MESA_PACKAGE], options);
  } catch (cause) {
    await run(...asRoot(sudo, "rm", ["-f", OWN_SOURCE]));
    throw cause;
  }
}

/**
 * Unpacks Mesa's software driver, and what it needs and the system lacks, into the cache. Changes nothing else and needs no
 * rights: apt gets its own lists, below the cache, with the backports added.
 */
export async function cacheMesa(system: Distribution, log: Log): Promise<void> {
  const target = driverFolder("mesa");
  await fillFolder(target, "icd.json", async (ready, work) => {
    const options = await privateApt(join(work, "apt"), system);
    log("  apt-get update (lists of our own, below the cache)");
    const update = await run("apt-get", [...options, "-q", "update"]);
    const packages = await neededPackages(options, system, { work, update: update.output });
    if (packages.length === 0) throw new SetupError(`apt would install nothing for ${MESA_PACKAGE}`);
    log(`  apt-get download ${packages.length} packages`);
    await must("apt cannot fetch", "apt-get", [...options, "-q", "download", ...packages], { cwd: work });
    const debs = (await readdir(work)).filter((name) => name.endsWith(".deb"));
    const tree = join(work, "tree");
    for (const deb of debs) await must(`cannot unpack ${deb}`, "dpkg", ["-x", join(work, deb), tree]);
    await flattenMesa(tree, ready);
    await writeFile(join(ready, "SOURCE"), `${packages.join("\n")}\n`);
  });
  log(`  placed in ${target}`);
}

/** The driver's package and what it needs and the system lacks; where the system has it all, the driver's package. */
async function neededPackages(
  options: readonly string[],
  { distribution, codename }: Distribution,
  { work, update }: { readonly work: string; readonly update: string },
): Promise<string[]> {
  // What is installed decides which version apt would take: it is asked for both under the same record.
  const plan = async (more: readonly string[]) => {
    const all = [...options, ...more];
    const policy = await aptPolicy(all);
    const origin = mesaOrigin(policy, distribution, codename, false);
    if (origin === "none") {
      const found = policy.versions[0]?.version;
      const why = found
        ? `the newest Mesa is ${found}, wanted ${OLDEST_MESA} or newer`
        : "apt found no Mesa (offline?)";
      throw new SetupError(`${why}\n${lastLines(update, 3)}`);
    }
    const suite = origin === "backports" ? ["-t", `${codename}-backports`] : [];
    const simulated = [...all, "-s", "-q", "--no-install-recommends", ...suite, "install", MESA_PACKAGE];
    return parseSimulatedInstall((await must("apt cannot plan", "apt-get", simulated)).stdout);
  };
  const lacking = await plan([]);
  if (lacking.length > 0) return lacking;
  const status = join(work, "status");
  await writeFile(status, withoutPackage(await readFile(DPKG_STATUS, "utf8").catch(() => ""), MESA_PACKAGE));
  return plan(["-o", `Dir::State::status=${status}`]);
}

/** Options that make apt work below `folder`: the system's sources, ours added, its own lists, archives and caches. */
async function privateApt(folder: string, system: Distribution): Promise<string[]> {
  const sources = join(folder, "sources");
  await mkdir(join(folder, "lists", "partial"), { recursive: true });
  await mkdir(join(folder, "archives", "partial"), { recursive: true });
  if (existsSync(SOURCES)) await cp(SOURCES, sources, { recursive: true });
  else await mkdir(sources, { recursive: true });
  const known = await readAptSources();
  const suite = `${system.codename}-backports`;
  const backports = system.distribution === "debian" ? backportsSource(known, system.codename) : null;
  // A suite named twice makes apt complain about every index.
  if (backports && !known.some((s) => s.suites.includes(suite)))
    await writeFile(join(sources, "espalier.sources"), backports);
  const settings = [
    `Dir::State::lists=${join(folder, "lists")}`,
    `Dir::Cache=${folder}`,
    `Dir::Cache::archives=${join(folder, "archives")}`,
    `Dir::Etc::sourceparts=${sources}`,
    "Acquire::Languages=none",
  ];
  // As root, apt fetches as a user who may not enter root's cache.
  if (process.getuid?.() === 0) settings.push("APT::Sandbox::User=root");
  return settings.flatMap((setting) => ["-o", setting]);
}

/** Moves the libraries of an unpacked tree into one folder, leaves out other hardware's drivers, and writes its `icd.json`. */
async function flattenMesa(tree: string, flat: string): Promise<void> {
  let manifest: { ICD: Record<string, string> } | null = null;
  const entries = await readdir(tree, { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    if (entry.isDirectory()) continue;
    const path = join(entry.parentPath, entry.name);
    if (/^lvp_icd.*\.json$/.test(entry.name)) manifest = JSON.parse(await readFile(path, "utf8"));
    const otherDriver = /^lib(vulkan_|VkLayer_)/.test(entry.name) && entry.name !== "libvulkan_lvp.so";
    // lib and lib/<triplet> are what the loader searches; deeper folders hold links of the same names to these files.
    const searched = /^(usr\/)?lib(\/[^/]*-linux-[^/]*)?$/.test(relative(tree, entry.parentPath));
    if (searched && /\.so(\.|$)/.test(entry.name) && !otherDriver) await rename(path, join(flat, entry.name));
  }
  if (!manifest || !existsSync(join(flat, "libvulkan_lvp.so")))
    throw new SetupError(`${MESA_PACKAGE} holds no lavapipe driver`);
  manifest.ICD["library_path"] = "./libvulkan_lvp.so";
  await writeFile(join(flat, "icd.json"), JSON.stringify(manifest));
}
