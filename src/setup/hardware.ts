// Detects a GPU without a working driver. Set-up then stops: a software driver would hide the broken one.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, isAbsolute, join, resolve } from "node:path";

/** PCI vendor ids of GPUs that compute. Displays of virtual machines and servers have others. */
const MAKERS: Readonly<Record<string, string>> = { "0x10de": "NVIDIA", "0x1002": "AMD", "0x8086": "Intel" };
const MANIFESTS = ["/etc/vulkan/icd.d", "/usr/local/share/vulkan/icd.d", "/usr/share/vulkan/icd.d"];

/** Access to the system; tests use a fake. */
export interface HardwareView {
  /** Names in a folder; empty if it cannot be read. */
  list(folder: string): string[];
  /** Text of a file, or null. */
  read(path: string): string | null;
  exists(path: string): boolean;
  /** True if the dynamic linker finds a library of this name, or if that cannot be checked. */
  links(library: string): boolean;
}

const systemView: HardwareView = {
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

/** Describe a GPU that a program can open; null without one. In a container, /sys also lists GPUs of the host that have no device node. */
function deviceOf({ list, read, exists }: HardwareView): string | null {
  for (const node of list("/dev/dri").filter((name) => name.startsWith("renderD"))) {
    const maker = MAKERS[read(`/sys/class/drm/${node}/device/vendor`)?.trim() ?? ""];
    if (maker !== undefined) return `an ${maker} GPU (/dev/dri/${node})`;
  }
  return exists("/dev/nvidia0") ? "an NVIDIA GPU (/dev/nvidia0)" : null;
}

/** Describe a driver manifest of a GPU whose library is missing; null without one. */
function brokenManifest({ list, read, exists, links }: HardwareView): string | null {
  for (const folder of MANIFESTS)
    for (const name of list(folder).filter((file) => /nvidia|radeon|amd|intel/i.test(file) && file.endsWith(".json"))) {
      const path = join(folder, name);
      const library = libraryOf(read(path));
      if (library === null) return `${path}, which cannot be read`;
      const missing = library.includes("/")
        ? !exists(isAbsolute(library) ? library : resolve(dirname(path), library))
        : !links(basename(library));
      if (missing) return `${path}, whose library ${library} is missing`;
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

/** Describe evidence of a GPU whose driver needs repair, if no adapter works; else null. Linux only. */
export function signOfGpu(
  view: HardwareView = systemView,
  platform: NodeJS.Platform = process.platform,
): string | null {
  if (platform !== "linux") return null;
  const device = deviceOf(view);
  if (device !== null) return `this machine has ${device} without a working Vulkan driver`;
  const manifest = brokenManifest(view);
  return manifest === null ? null : `a GPU driver is registered by ${manifest}`;
}
