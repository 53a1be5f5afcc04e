// Finds a lavapipe of Mesa 26.1 or newer: mesa-latest of the cache, else the system's or the cache's driver if it is recent.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { driverFolder } from "../../src/node/cache.ts";
import { mesaLatest } from "../../src/node/mesa_latest.ts";
import { isRecentMesa, mesaVersionOf, systemMesaVersion } from "../../src/node/mesa_version.ts";

/** Reason why `npm test` could not set the driver up; tools/test.ts passes it on. */
export const NO_RECENT_LAVAPIPE = "TEST_NO_RECENT_LAVAPIPE";

/** The way to start Node on the driver. */
interface Start {
  readonly node: string;
  readonly driver: "system" | "mesa" | "mesa-latest";
}

/** Return how Node starts on a recent lavapipe; null if there is none. */
export function recentLavapipe(): Start | null {
  if (process.platform !== "linux") return null;
  const node = process.env["ESPALIER_NODE"] || process.execPath;
  const latest = mesaLatest();
  if (latest) return { node: latest.node, driver: "mesa-latest" };
  if (isRecentMesa(systemMesaVersion())) return { node, driver: "system" };
  const cached = join(driverFolder("mesa"), "libvulkan_lvp.so");
  return existsSync(cached) && isRecentMesa(mesaVersionOf(cached)) ? { node, driver: "mesa" } : null;
}
