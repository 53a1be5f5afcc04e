// The cache folder of this machine: drivers, a browser, compiled shaders.
import { existsSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import { makeFolder } from "./make_folder.ts";

/** Facts of a machine; tests give their own. */
interface CacheSystem {
  readonly platform: NodeJS.Platform;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
}

/**
 * Return the cache folder by the rules of the system: `$XDG_CACHE_HOME/espalier` if that is an absolute path, else
 * `~/.cache/espalier`, on macOS `~/Library/Caches/espalier`, on Windows `%LOCALAPPDATA%\\espalier\\Cache`.
 */
export function cacheFolder({ platform, env, home }: CacheSystem): string {
  const xdg = env["XDG_CACHE_HOME"];
  // The XDG rule: ignore a relative value.
  if (xdg && isAbsolute(xdg)) return join(xdg, "espalier");
  if (platform === "darwin") return join(home, "Library", "Caches", "espalier");
  if (platform === "win32") return join(env["LOCALAPPDATA"] || join(home, "AppData", "Local"), "espalier", "Cache");
  return join(home, ".cache", "espalier");
}

/** Return a path below the cache folder. Creates nothing. */
export const cachePath = (...parts: string[]): string =>
  join(cacheFolder({ platform: process.platform, env: process.env, home: homedir() }), ...parts);

/**
 * Software drivers that `setup` can place in the cache, best first. Each has a folder of flat files and an `icd.json`.
 */
export const CACHED_DRIVERS: readonly CachedDriver[] = ["mesa-latest", "mesa", "swiftshader"];
/** Software driver that `espalier setup` installs in the cache. */
export type CachedDriver = "mesa-latest" | "mesa" | "swiftshader";

/** Return the folder of a cached driver. */
export const driverFolder = (driver: CachedDriver): string => cachePath("gpu", driver);

/**
 * Fill `target` through `target.<pid>`: a failed attempt leaves nothing, and of two concurrent ones the first stays.
 * `make` writes the files into `ready` and its temporary files into `work`; it is done if `proof` is in the folder.
 * Existing content is replaced.
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
    // Another process was quicker; its files may be in use.
    if (!replaces && isThere()) return;
    await rm(target, { recursive: true, force: true });
    await rename(ready, target).catch((cause: unknown) => {
      if (!isThere()) throw cause;
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
