// Installs the packed tarballs into empty folders, with npm and with pnpm, and measures what is there.
import { mkdir, readdir, stat, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { must } from "../../../src/setup/command.ts";

/** Paths of the packed tarballs. */
export interface Tarballs {
  readonly espalier: string;
  readonly node: string;
  readonly cli: string;
}

/** Without a network, npm's default retries take minutes. */
const NPM_FLAGS = "--loglevel=error --ignore-scripts --prefer-offline --fetch-retries=1 --fetch-retry-mintimeout=2000";

const MIB = 2 ** 20;

async function emptyProject(folder: string, manifest: object = {}): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "package.json"), JSON.stringify({ private: true, type: "module", ...manifest }));
}

/** Install tarballs into a new folder with npm, without running install scripts. Errors: SetupError. */
export async function npmInstall(
  folder: string,
  tarballs: readonly string[],
  flags: readonly string[] = [],
): Promise<void> {
  await emptyProject(folder);
  const args = ["install", "--no-audit", "--no-fund", ...NPM_FLAGS.split(" "), ...flags, ...tarballs];
  await must("npm cannot install the packages (offline?)", "npm", args, { cwd: folder, seconds: 120 });
}

/** Install all tarballs into a new folder with pnpm, which lets a package import only what it declares. Errors: SetupError. */
export async function pnpmInstall(folder: string, { espalier, node, cli }: Tarballs): Promise<void> {
  const files = { espalier: `file:${espalier}`, "@espalier/node": `file:${node}`, "@espalier/cli": `file:${cli}` };
  await emptyProject(folder, { dependencies: files, pnpm: { overrides: files } });
  const pnpm = join(dirname(createRequire(import.meta.url).resolve("pnpm")), "bin/pnpm.cjs");
  const args = [pnpm, "install", "--ignore-scripts", "--prefer-offline", "--fetch-retries=1", "--reporter=append-only"];
  await must("pnpm cannot install the packages (offline?)", process.execPath, args, { cwd: folder, seconds: 120 });
}

/** Count the packages below a folder's node_modules, and add up the bytes of their files in MiB. */
export async function weigh(folder: string): Promise<{ packages: string[]; mebibytes: number }> {
  const packages: string[] = [];
  let bytes = 0;
  const visit = async (path: string): Promise<void> => {
    for (const entry of await readdir(path, { withFileTypes: true })) {
      const inside = join(path, entry.name);
      if (entry.isDirectory()) await visit(inside);
      else if (entry.isFile()) bytes += (await stat(inside)).size;
      const name = /node_modules\/((?:@[^/]+\/)?[^/@.][^/]*)\/package\.json$/.exec(inside)?.[1];
      if (name !== undefined) packages.push(name);
    }
  };
  await visit(join(folder, "node_modules"));
  return { packages: packages.sort(), mebibytes: bytes / MIB };
}
