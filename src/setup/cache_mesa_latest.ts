// Unpacks Debian's newest Mesa and everything that it links to, the C library included, into the user's cache. apt works with
// separate lists and folders; nothing is installed.
import { chmod, mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fillFolder } from "../node/cache.ts";
import { launcherText, linkerName, mesaLatestPaths, PRELOAD_TEXT } from "../node/mesa_latest.ts";
import { isRecentMesa } from "../node/mesa_version.ts";
import { lastLines, run } from "../node/programs.ts";
import { aptPolicy, asOptions, type Distribution, flattenMesa, type Log, readAptSources } from "./apt.ts";
import { must, SetupError } from "./command.ts";
import { LOADER_PACKAGE, MESA_PACKAGE, mirrorSource, parseSimulatedInstall } from "./plan.ts";

/**
 * Suites to try in order. The stable release with its backports comes first: the unstable one is as fast, but its packages
 * may not fit together on every day.
 */
const SUITES: readonly (readonly string[])[] = [["stable", "stable-backports"], ["sid"]];
/** The driver, the Vulkan loader, and the library of C++ that Node links to. */
const PACKAGES = [MESA_PACKAGE, LOADER_PACKAGE, "libstdc++6"];

/** Return options that limit apt to the suites of `source`, below `folder`, without the installed packages. */
async function isolatedApt(folder: string, source: string): Promise<string[]> {
  await mkdir(join(folder, "lists", "partial"), { recursive: true });
  await mkdir(join(folder, "archives", "partial"), { recursive: true });
  const sources = join(folder, "sources");
  await mkdir(sources);
  await writeFile(join(sources, "espalier.sources"), source);
  const settings = [
    "Dir::Etc::sourcelist=/dev/null",
    `Dir::Etc::sourceparts=${sources}`,
    `Dir::State::lists=${join(folder, "lists")}`,
    "Dir::State::status=/dev/null",
    `Dir::Cache=${folder}`,
    `Dir::Cache::archives=${join(folder, "archives")}`,
    "Acquire::Languages=none",
    "Acquire::http::Timeout=20",
    "Acquire::https::Timeout=20",
  ];
  // As root, apt downloads as a user without access to root's cache.
  if (process.getuid?.() === 0) settings.push("APT::Sandbox::User=root");
  return asOptions(settings);
}

/** Download the packages of some suites into `work`. Returns their names and versions. Errors: SetupError. */
async function download(suites: readonly string[], system: Distribution, work: string, log: Log): Promise<string[]> {
  const source = mirrorSource(await readAptSources(), system.codename, suites);
  if (source === null) throw new SetupError(`apt's sources name no mirror for ${system.codename}`);
  const options = await isolatedApt(join(work, `apt-${suites[0]}`), source);
  log(`  apt-get update (${suites.join(", ")}; separate lists below the cache)`);
  const update = await run("apt-get", [...options, "-q", "update"]);
  const newest = suites.at(-1)!;
  const { versions } = await aptPolicy(options);
  const found = versions.find(({ version }) => isRecentMesa(version))?.version;
  if (found === undefined)
    throw new SetupError(
      `Mesa in ${suites.join(", ")}: expected 26.1 or newer, got ${versions[0]?.version ?? "none"}\n${lastLines(update.output, 3)}`,
    );
  const simulated = [...options, "-s", "-q", "--no-install-recommends", "-t", newest, "install", ...PACKAGES];
  const packages = parseSimulatedInstall((await must("apt cannot plan", "apt-get", simulated)).stdout);
  log(`  apt-get download ${packages.length} packages`);
  await must("apt cannot fetch", "apt-get", [...options, "-q", "download", ...packages], { cwd: work });
  return packages;
}

/** Download from the first suites that have what is needed. */
async function downloadNewest(system: Distribution, work: string, log: Log): Promise<string[]> {
  const failures: string[] = [];
  for (const suites of SUITES) {
    try {
      return await download(suites, system, work, log);
    } catch (cause) {
      const { message } = cause as Error;
      log(`  failed: ${message.split("\n")[0]}`);
      failures.push(message);
    }
  }
  throw new SetupError(failures.join("\n  "));
}

/** Unpack the newest Mesa with its C library into the cache, and write the program that starts Node with it. */
export async function cacheMesaLatest(system: Distribution, log: Log): Promise<void> {
  const { folder } = mesaLatestPaths();
  const linker = linkerName();
  if (linker === null) throw new SetupError(`mesa-latest: expected an x64 or arm64 processor, got ${process.arch}`);
  await fillFolder(folder, "icd.json", async (ready, work) => {
    const packages = await downloadNewest(system, work, log);
    const tree = join(work, "tree");
    for (const name of await readdir(work)) {
      if (name.endsWith(".deb")) await must(`cannot unpack ${name}`, "dpkg", ["-x", join(work, name), tree]);
    }
    await flattenMesa(tree, ready);
    await mkdir(join(ready, "bin"));
    await writeFile(join(ready, "bin", "node"), launcherText(linker));
    await chmod(join(ready, "bin", "node"), 0o755);
    await writeFile(join(ready, "preload.cjs"), PRELOAD_TEXT);
    await writeFile(join(ready, "SOURCE"), `${packages.join("\n")}\n`);
  });
  log(`  placed in ${folder}`);
}
