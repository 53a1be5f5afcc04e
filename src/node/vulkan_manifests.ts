// Manifests of Vulkan drivers: JSON files, by which the Vulkan loader finds the drivers of a system.
import { readdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** Return the names in a folder, sorted; none if it cannot be read. */
export function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}

/** Return the folders that the loader searches on Linux, in its order. */
export function manifestFolders(env: NodeJS.ProcessEnv = process.env, home = homedir()): string[] {
  const list = (value: string | undefined, usual: string) => (value || usual).split(":").filter(Boolean);
  const roots = [
    ...list(env["XDG_CONFIG_HOME"], join(home, ".config")),
    ...list(env["XDG_CONFIG_DIRS"], "/etc/xdg"),
    // The loader's own folders: as Debian builds it, below /usr/local, and in NixOS.
    ...["/etc", "/usr/local/etc", "/run/opengl-driver/share"],
    ...list(env["XDG_DATA_HOME"], join(home, ".local/share")),
    ...list(env["XDG_DATA_DIRS"], "/usr/local/share:/usr/share"),
    ...["/usr/local/share", "/usr/share"],
  ];
  return [...new Set(roots)].map((root) => join(root, "vulkan", "icd.d"));
}

/** Return the manifests of the system's drivers. */
export function systemManifests(folders: readonly string[] = manifestFolders()): string[] {
  return folders.flatMap((folder) =>
    namesIn(folder)
      .filter((name) => name.endsWith(".json"))
      .map((name) => join(folder, name)),
  );
}
