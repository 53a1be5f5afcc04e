// Whether this machine has a GPU of its own, or was meant to have one: a software driver is no remedy for a broken one.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, isAbsolute, join, resolve } from "node:path";

/** Makers whose PCI numbers stand for cards that compute; those of virtual machines and servers' own displays do not. */
const MAKERS: Readonly<Record<string, string>> = { "0x10de": "NVIDIA", "0x1002": "AMD", "0x8086": "Intel" };
const MANIFESTS = ["/etc/vulkan/icd.d", "/usr/local/share/vulkan/icd.d", "/usr/share/vulkan/icd.d"];

/** What is asked of the system; a test has its own. */
export interface HardwareView {
  /** Names in a folder; none where it cannot be read. */
  list(folder: string): string[];
  /** A file's text, or null. */
  read(path: string): string | null;
  exists(path: string): boolean;
  /** Whether the dynamic linker knows a library of this name; true where that cannot be asked. */
  links(library: string): boolean;
}

export const systemView: HardwareView = {
  list(folder) {
    try {
      return readdirSync(folder).sort();
    } catch {
      return [];
    }
  },
  read(path) {
    try {
      return readFileSync(path, "utf8");
    } catch {
      return null;
    }
  },
  exists: existsSync,
  links(library) {
    const { status, stdout } = spawnSync("/sbin/ldconfig", ["-p"], { encoding: "utf8", timeout: 5000 });
    return status !== 0 || stdout.includes(`${library} `);
  },
};

/** A GPU that programs of this machine may open, in words; null without one. A container shows its host's only in /sys. */
function deviceOf({ list, read, exists }: HardwareView): string | null {
  for (const node of list("/dev/dri").filter((name) => name.startsWith("renderD"))) {
    const maker = MAKERS[read(`/sys/class/drm/${node}/device/vendor`)?.trim() ?? ""];
    if (maker !== undefined) return `a GPU of ${maker} (/dev/dri/${node})`;
  }
  return exists("/dev/nvidia0") ? "a GPU of NVIDIA (/dev/nvidia0)" : null;
}

/** A manifest of a card's driver whose library is not there, in words; null without one. */
function brokenManifest({ list, read, exists, links }: HardwareView): string | null {
  for (const folder of MANIFESTS)
    for (const name of list(folder).filter((file) => /nvidia|radeon|amd|intel/i.test(file) && file.endsWith(".json"))) {
      const path = join(folder, name);
      const library = libraryOf(read(path));
      if (library === null) return `${path}, which cannot be read`;
      const missing = library.includes("/")
        ? !exists(isAbsolute(library) ? library : resolve(dirname(path), library))
        : !links(basename(library));
      if (missing) return `${path}, whose ${library} is not there`;
    }
  return null;
}

function libraryOf(manifest: string | null): string | null {
  try {
    const { ICD } = JSON.parse(manifest ?? "") as { ICD?: { library_path?: unknown } };
    return typeof ICD?.library_path === "string" ? ICD.library_path : null;
  } catch {
    return null;
  }
}

/** The sign of a GPU whose driver should be mended, where no adapter works: in words, or null. Linux only. */
export function signOfGpu(
  view: HardwareView = systemView,
  platform: NodeJS.Platform = process.platform,
): string | null {
  if (platform !== "linux") return null;
  const device = deviceOf(view);
  if (device !== null) return `this machine has ${device}, and no Vulkan driver that works for it`;
  const manifest = brokenManifest(view);
  return manifest === null ? null : `a GPU's driver is registered here by ${manifest}`;
}
