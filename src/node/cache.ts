// Where Espalier keeps what it fetched or compiled on this machine: drivers, a browser, compiled shaders.
import { existsSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import { makeFolder } from "./make_folder.ts";

/** A path below `$XDG_CACHE_HOME/espalier`, or `~/.cache/espalier`. Creates nothing. */
export function cachePath(...parts: string[]): string {
  const xdg = process.env["XDG_CACHE_HOME"];
  // The XDG rule: a relative value is to be ignored.
  const base = xdg && isAbsolute(xdg) ? xdg : join(homedir(), ".cache");
  return join(base, "espalier", ...parts);
}

/** The software drivers `setup` can place in the cache, best first. Each has a folder of flat files and an `icd.json`. */
export const CACHED_DRIVERS = ["mesa", "swiftshader"] as const;
export type CachedDriver = (typeof CACHED_DRIVERS)[number];

/** The folder of a cached driver. */
export const driverFolder = (driver: CachedDriver): string => cachePath("gpu", driver);

/**
 * Fills `target` by way of `target.<pid>`: a broken attempt leaves nothing, and of two that race the first stays.
 * `make` puts the files into `ready`, has `work` for its waste, and is known to be done when `proof` lies in the folder.
 * What was there before is replaced.
 */
export async function fillFolder(
  target: string,
  proof: string,
  make: (ready: string, work: string) => Promise<void>,
): Promise<void> {
  const isThere = () => existsSync(join(target, proof));
  const replaces = isThere();
  const work = `${target}.${process.pid}`;
  const ready = join(work, "ready");
  try {
    await rm(work, { recursive: true, force: true });
    makeFolder(ready);
    await make(ready, work);
    // Another start was quicker; somebody may be reading its files by now.
    if (!replaces && isThere()) return;
    await rm(target, { recursive: true, force: true });
    await rename(ready, target).catch((cause: unknown) => {
      if (!isThere()) throw cause;
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
