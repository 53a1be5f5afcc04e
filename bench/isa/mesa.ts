// Unpacks a newer Mesa with its no-op kernel drivers into the cache folder: compilers for AMD, NVIDIA, Apple and Adreno that
// run on any machine. Nothing is installed.
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { cachePath, fillFolder } from "../../src/node/cache.ts";
import { run } from "../../src/node/programs.ts";
import { IsaError, must } from "./command.ts";

/** Folder of the libraries inside the unpacked packages. */
const LIBRARIES = "usr/lib/x86_64-linux-gnu";
const PROOF = "complete";
/** Debian's development suite. Debian 12 and 13 have no no-op drivers for Apple and Adreno. */
const SUITE = "sid";
const PACKAGES = ["mesa-vulkan-drivers", "mesa-drm-shim", "libvulkan1", "libstdc++6"];

/** An unpacked Mesa. */
export interface Mesa {
  /** Folder of its libraries and of its program loader. */
  readonly libraries: string;
  /** Folder of its driver manifests. */
  readonly manifests: string;
}

const mesaFolder = (): string => cachePath("isa", "mesa");

const layout = (folder: string): Mesa => ({ libraries: join(folder, LIBRARIES), manifests: join(folder, "icd") });

/** Return the unpacked Mesa, or null. */
export function findMesa(): Mesa | null {
  const folder = mesaFolder();
  return existsSync(join(folder, PROOF)) ? layout(folder) : null;
}

/** Return the version of the unpacked Mesa. */
export async function mesaVersion(): Promise<string> {
  return (await readFile(join(mesaFolder(), PROOF), "utf8")).trim();
}

/** Return the address of Debian's archive from the system's package sources. */
async function debianArchive(): Promise<string> {
  const { code, stdout } = await run("apt-get", ["indextargets", "--format", "$(REPO_URI)"]);
  if (code !== 0) throw new IsaError("bench:isa: the compilers come from Debian packages: expected apt-get, got none");
  const address = stdout.split("\n").find((line) => /\/debian\/?$/.test(line));
  if (!address)
    throw new IsaError("bench:isa: expected a Debian archive in apt's sources, got none; run apt-get update");
  return address;
}

/** Return options by which apt uses separate lists and archives, and an empty list of installed packages. */
async function privateApt(work: string): Promise<string[]> {
  await mkdir(join(work, "lists", "partial"), { recursive: true });
  await mkdir(join(work, "cache", "archives", "partial"), { recursive: true });
  const keys = "/usr/share/keyrings/debian-archive-keyring.gpg";
  const sources = join(work, "sources.list");
  await writeFile(sources, `deb [signed-by=${keys}] ${await debianArchive()} ${SUITE} main\n`);
  const settings = {
    "Dir::Etc::sourcelist": sources,
    "Dir::Etc::sourceparts": "-",
    "Dir::State::lists": join(work, "lists"),
    "Dir::Cache": join(work, "cache"),
    "Dir::State::status": "/dev/null",
    "APT::Sandbox::User": "root",
  };
  return Object.entries(settings).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
}

/** Write driver manifests with absolute paths of the libraries. */
async function writeManifests(ready: string, folder: string): Promise<void> {
  const source = join(ready, "usr/share/vulkan/icd.d");
  const { libraries, manifests } = layout(folder);
  await mkdir(join(ready, "icd"));
  for (const name of await readdir(source)) {
    const manifest = JSON.parse(await readFile(join(source, name), "utf8")) as { ICD: { library_path: string } };
    manifest.ICD.library_path = join(libraries, manifest.ICD.library_path);
    const driver = name.replace(/_icd.*$/, "");
    await writeFile(join(ready, manifests.slice(folder.length + 1), `${driver}.json`), JSON.stringify(manifest));
  }
}

/** Unpack Mesa unless it is there. Errors: IsaError if this system has no apt, dpkg or Debian archive. */
export async function unpackMesa(log: (line: string) => void): Promise<Mesa> {
  const there = findMesa();
  if (there) return there;
  if (process.platform !== "linux" || process.arch !== "x64")
    throw new IsaError(`bench:isa: expected Linux on x86-64, got ${process.platform} ${process.arch}`);
  const folder = mesaFolder();
  log("bench:isa: unpacking Mesa's compilers into the cache (about 70 MB of packages, 340 MB of files)");
  await fillFolder(folder, PROOF, async (ready, work) => {
    const options = await privateApt(join(work, "apt"));
    await must("apt cannot read the package lists", "apt-get", [...options, "-q", "update"]);
    const flags = ["-q", "-y", "--download-only", "--no-install-recommends"];
    await must("apt cannot fetch Mesa", "apt-get", [...options, ...flags, "install", ...PACKAGES]);
    const archives = join(work, "apt", "cache", "archives");
    const packages = (await readdir(archives)).filter((name) => name.endsWith(".deb"));
    for (const name of packages) await must(`dpkg cannot unpack ${name}`, "dpkg", ["-x", join(archives, name), ready]);
    await writeManifests(ready, folder);
    const version = packages.find((name) => name.startsWith("mesa-vulkan-drivers_"))?.split("_")[1] ?? "";
    await writeFile(join(ready, PROOF), decodeURIComponent(version));
  });
  return layout(folder);
}
