// Installs Mesa's software driver with apt: into the system as root, or unpacked into the user's cache without root.
import { existsSync } from "node:fs";
import { cp, mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { driverFolder, fillFolder } from "../node/cache.ts";
import { lastLines, run } from "../node/programs.ts";
import { must, SetupError } from "./command.ts";
import {
  type AptPolicy,
  type AptSource,
  backportsSource,
  LOADER_PACKAGE,
  MESA_PACKAGE,
  type MesaOrigin,
  mesaOrigin,
  OLDEST_MESA,
  parseAptPolicy,
  parseAptSources,
  parseSimulatedInstall,
  withoutPackages,
} from "./plan.ts";

/** Distribution and release, from /etc/os-release. */
export interface Distribution {
  readonly distribution: string;
  readonly codename: string;
}

export type Log = (line: string) => void;

/** Return apt's command line for settings. */
export const asOptions = (settings: readonly string[]) => settings.flatMap((setting) => ["-o", setting]);

const LISTS = "/var/lib/apt/lists";
const DPKG_STATUS = "/var/lib/dpkg/status";
const SOURCES = "/etc/apt/sources.list.d";
const OWN_SOURCE = join(SOURCES, "espalier-backports.sources");
/** Options that wait for a lock held by another apt, and keep changed configuration files without a question. */
const QUIET = [
  "-q",
  "-y",
  ...asOptions(["DPkg::Lock::Timeout=120", "Dpkg::Use-Pty=0", "Dpkg::Options::=--force-confold"]),
];

/** Return true if the system has package lists. A new container has none until `apt-get update` ran. */
export async function hasAptLists(): Promise<boolean> {
  const names = await readdir(LISTS).catch(() => []);
  return names.some((name) => name.includes("_Packages"));
}

/** Read all package sources of the system. */
export async function readAptSources(): Promise<AptSource[]> {
  const names = (await readdir(SOURCES).catch(() => [])).filter((name) => /\.(sources|list)$/.test(name));
  const paths = ["/etc/apt/sources.list", ...names.sort().map((name) => join(SOURCES, name))];
  const texts = await Promise.all(paths.map((path) => readFile(path, "utf8").catch(() => "")));
  return texts.flatMap(parseAptSources);
}

export async function aptPolicy(options: readonly string[] = []): Promise<AptPolicy> {
  return parseAptPolicy((await run("apt-cache", [...options, "policy", MESA_PACKAGE])).stdout);
}

/** Return the command line that runs a program as root, with its environment passed through sudo. */
function asRoot(sudo: boolean, program: string, args: readonly string[]): [string, string[]] {
  return sudo
    ? ["sudo", ["-n", "env", "LC_ALL=C", "DEBIAN_FRONTEND=noninteractive", program, ...args]]
    : [program, [...args]];
}

/** Refresh the system's package lists. A failure is logged only: the existing lists may suffice. */
export async function aptUpdate(sudo: boolean, log: Log): Promise<void> {
  log("  apt-get update");
  const { code, output } = await run(...asRoot(sudo, "apt-get", ["-q", "update"]));
  if (code !== 0)
    log(`  apt-get update failed with exit code ${code}; using the existing lists\n${lastLines(output, 3)}`);
}

/** Install packages into the system. If that fails (old lists name files that no longer exist), refresh the lists and retry once. */
export async function aptInstall(
  packages: readonly string[],
  options: { sudo: boolean; suite?: string; log: Log },
): Promise<void> {
  const target = options.suite ? ["-t", options.suite] : [];
  const args = [...QUIET, "--no-install-recommends", ...target, "install", ...packages];
  options.log(`  apt-get install ${[...target, ...packages].join(" ")}`);
  if ((await run(...asRoot(options.sudo, "apt-get", args))).code === 0) return;
  await aptUpdate(options.sudo, options.log);
  await must(`apt cannot install ${packages.join(" ")}`, ...asRoot(options.sudo, "apt-get", args));
}

/** Install Mesa's drivers into the system, from backports if `origin` says so. After a failure, the added source is removed. */
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
  if (!source) throw new SetupError(`apt's sources name no mirror for ${system.codename}`);
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
 * Unpack Mesa's software driver and its missing dependencies into the cache. Changes nothing else and needs no root: apt uses
 * separate lists below the cache, with backports added.
 */
export async function cacheMesa(system: Distribution, log: Log): Promise<void> {
  const target = driverFolder("mesa");
  await fillFolder(target, "icd.json", async (ready, work) => {
    const options = await privateApt(join(work, "apt"), system);
    log("  apt-get update (separate lists below the cache)");
    const update = await run("apt-get", [...options, "-q", "update"]);
    const packages = await neededPackages(options, system, { work, update: update.output });
    if (packages.length === 0) throw new SetupError(`apt found nothing to install for ${MESA_PACKAGE}`);
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

/**
 * Return the driver's package, the Vulkan loader, and what else they need that is not installed. The cache has its own loader
 * even if the system has one: the system's may be removed.
 */
async function neededPackages(
  options: readonly string[],
  { distribution, codename }: Distribution,
  { work, update }: { readonly work: string; readonly update: string },
): Promise<string[]> {
  // The installed packages affect which version apt selects: policy and plan must use the same dpkg status.
  const plan = async (more: readonly string[]) => {
    const all = [...options, ...more];
    const policy = await aptPolicy(all);
    const origin = mesaOrigin(policy, distribution, codename, false);
    if (origin === "none") {
      const found = policy.versions[0]?.version;
      const why = found ? `Mesa: expected ${OLDEST_MESA} or newer, got ${found}` : "apt found no Mesa (offline?)";
      throw new SetupError(`${why}\n${lastLines(update, 3)}`);
    }
    const suite = origin === "backports" ? ["-t", `${codename}-backports`] : [];
    const simulated = [...all, "-s", "-q", "--no-install-recommends", ...suite, "install", MESA_PACKAGE];
    return parseSimulatedInstall((await must("apt cannot plan", "apt-get", simulated)).stdout);
  };
  const status = join(work, "status");
  const installed = await readFile(DPKG_STATUS, "utf8").catch(() => "");
  await writeFile(status, withoutPackages(installed, [MESA_PACKAGE, LOADER_PACKAGE]));
  return plan(["-o", `Dir::State::status=${status}`]);
}

/** Return options that make apt work below `folder`: the system's sources plus backports, separate lists, archives and caches. */
async function privateApt(folder: string, system: Distribution): Promise<string[]> {
  const sources = join(folder, "sources");
  await mkdir(join(folder, "lists", "partial"), { recursive: true });
  await mkdir(join(folder, "archives", "partial"), { recursive: true });
  if (existsSync(SOURCES)) await cp(SOURCES, sources, { recursive: true });
  else await mkdir(sources, { recursive: true });
  const known = await readAptSources();
  const suite = `${system.codename}-backports`;
  const backports = system.distribution === "debian" ? backportsSource(known, system.codename) : null;
  // If a suite appears twice, apt prints a warning for every index.
  if (backports && !known.some((s) => s.suites.includes(suite)))
    await writeFile(join(sources, "espalier.sources"), backports);
  const settings = [
    `Dir::State::lists=${join(folder, "lists")}`,
    `Dir::Cache=${folder}`,
    `Dir::Cache::archives=${join(folder, "archives")}`,
    `Dir::Etc::sourceparts=${sources}`,
    "Acquire::Languages=none",
  ];
  // As root, apt downloads as a user without access to root's cache.
  if (process.getuid?.() === 0) settings.push("APT::Sandbox::User=root");
  return asOptions(settings);
}

/** Move the libraries of an unpacked tree into one folder, without drivers of other hardware, and write `icd.json`. */
export async function flattenMesa(tree: string, flat: string): Promise<void> {
  let manifest: { ICD: Record<string, string> } | null = null;
  const entries = await readdir(tree, { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    if (entry.isDirectory()) continue;
    const path = join(entry.parentPath, entry.name);
    if (/^lvp_icd.*\.json$/.test(entry.name)) manifest = JSON.parse(await readFile(path, "utf8"));
    const otherDriver = /^lib(vulkan_|VkLayer_)/.test(entry.name) && entry.name !== "libvulkan_lvp.so";
    // The loader searches lib and lib/<triplet>; deeper folders hold links of the same names to these files.
    const searched = /^(usr\/)?lib(\/[^/]*-linux-[^/]*)?$/.test(relative(tree, entry.parentPath));
    if (searched && /\.so(\.|$)/.test(entry.name) && !otherDriver) await rename(path, join(flat, entry.name));
  }
  if (!manifest || !existsSync(join(flat, "libvulkan_lvp.so")))
    throw new SetupError(`${MESA_PACKAGE} contains no lavapipe driver`);
  manifest.ICD["library_path"] = "./libvulkan_lvp.so";
  await writeFile(join(flat, "icd.json"), JSON.stringify(manifest));
}
