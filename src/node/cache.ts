// Where Espalier keeps what it fetched or compiled on this machine: drivers, a browser, compiled shaders.
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";

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
