// Finds lavapipe's library before it is loaded, and the version of Mesa in it: settings of the driver depend on the version.
import { existsSync } from "node:fs";
import { basename, dirname, isAbsolute, join } from "node:path";
import { MESA_26_1 } from "../gpu/index.ts";
import { readRegularSync, readRegularTextSync } from "./regular_file.ts";
import { namesIn, systemManifests } from "./vulkan_manifests.ts";

const LIBRARY = "libvulkan_lvp.so";
/** Lavapipe has 10 to 20 MB. */
const MOST_BYTES = 2 ** 28;
const LIBRARIES = ["/usr/local/lib", "/usr/lib64", "/usr/lib", "/lib64", "/lib"];

/** Return Mesa's version in the bytes of lavapipe, such as `25.0.7-2~bpo12+1`: the driver's description holds it. Null without one. */
export function mesaVersionIn(bytes: Buffer): string | null {
  for (let at = bytes.indexOf(" (LLVM "); at >= 0; at = bytes.indexOf(" (LLVM ", at + 1)) {
    const version = /Mesa (\d+\.\d+[\w.+~-]*)$/.exec(bytes.toString("latin1", Math.max(0, at - 80), at))?.[1];
    if (version !== undefined) return version;
  }
  return null;
}

/** Return Mesa's version in lavapipe's file; null if it cannot be read. */
export function mesaVersionOf(library: string): string | null {
  try {
    return mesaVersionIn(Buffer.from(readRegularSync(library, MOST_BYTES).buffer));
  } catch {
    return null;
  }
}

/** Return the major number of a Debian version: 25 for `1:25.0.7-2~bpo12+1`. NaN without one. */
export function majorVersion(version: string): number {
  return Number.parseInt(/^(?:\d+:)?(\d+)/.exec(version)?.[1] ?? "", 10);
}

/** Return true for version 26.1 and later of Mesa. */
export function isRecentMesa(version: string | null): boolean {
  const [, major = 0, minor = 0] = /^(?:\d+:)?(\d+)\.(\d+)/.exec(version ?? "") ?? [];
  return 100 * Number(major) + Number(minor) >= MESA_26_1;
}

/** Return the manifests of lavapipe that the Vulkan loader reads: those that the user chose, else the system's. */
function lavapipeManifests(chosen: string | undefined): string[] {
  const paths = chosen ? chosen.split(":") : systemManifests();
  return paths.filter((path) => /^lvp_icd.*\.json$/.test(basename(path)) || (chosen && path.endsWith(".json")));
}

/** Return the file of a library that a manifest names: a path, or a name that the dynamic linker searches. */
function libraryFile(manifest: string): string | null {
  try {
    const { ICD } = JSON.parse(readRegularTextSync(manifest)) as { ICD: { library_path: string } };
    const path = ICD.library_path;
    if (basename(path) !== LIBRARY) return null;
    if (path.includes("/")) return isAbsolute(path) ? path : join(dirname(manifest), path);
    const folders = LIBRARIES.flatMap((folder) => [
      ...namesIn(folder)
        .filter((name) => name.includes("-linux-"))
        .map((name) => join(folder, name)),
      folder,
    ]);
    return folders.map((folder) => join(folder, path)).find((file) => existsSync(file)) ?? null;
  } catch {
    return null;
  }
}

/**
 * Return Mesa's version in the system's lavapipe; null without lavapipe.
 *
 * @param chosen Value of VK_DRIVER_FILES: manifests that replace the system's.
 */
export function systemMesaVersion(chosen?: string): string | null {
  for (const manifest of lavapipeManifests(chosen)) {
    const library = libraryFile(manifest);
    const version = library === null ? null : mesaVersionOf(library);
    if (version !== null) return version;
  }
  return null;
}
