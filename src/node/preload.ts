// Opens shared libraries for the C code of Dawn to find: the Vulkan loader, and a cached driver with what it needs.
import { existsSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";

/** glibc and musl: the library stays although Node closes it again. */
const RTLD_NODELETE = 0x1000;

type Open = (path: string) => void;
let opener: Open | null = null;

/**
 * The way to open a library so that all later code sees its symbols, as `LD_LIBRARY_PATH` would have made it.
 *
 * koffi where it is installed; else Node's own `process.dlopen`, which opens the library, finds no add-on in it, complains
 * and closes it, so that the flag above keeps it. Throws the system's words when the library cannot be opened.
 */
async function libraryOpener(): Promise<Open> {
  if (opener) return opener;
  try {
    const { default: koffi } = await import("koffi");
    opener = (path) => void koffi.load(path, { global: true });
  } catch {
    const flags = constants.dlopen.RTLD_NOW | constants.dlopen.RTLD_GLOBAL | RTLD_NODELETE;
    opener = (path) => {
      try {
        process.dlopen({ exports: {} }, path, flags);
      } catch (cause) {
        if (!(cause as Error).message.includes("did not self-register")) throw cause;
      }
    };
  }
  return opener;
}

/** The library that a failed `dlopen` says it lacks, or null when it failed for another reason. */
export function missingLibrary(message: string): string | null {
  return /([^\s:'"/]+\.so[^\s:'"]*): cannot open shared object file/.exec(message)?.[1] ?? null;
}

/** Opens `name` from `folder`, or the system's when the folder has none; opens what it lacks from there first. */
function openWithNeeds(open: Open, name: string, folder: string, waiting: readonly string[]): void {
  const own = join(folder, name);
  const target = existsSync(own) ? own : name;
  for (;;) {
    try {
      open(target);
      return;
    } catch (cause) {
      const lacking = missingLibrary((cause as Error).message);
      if (!lacking || lacking === name || waiting.includes(lacking) || !existsSync(join(folder, lacking))) throw cause;
      openWithNeeds(open, lacking, folder, [...waiting, name]);
    }
  }
}

/** Whether the system has a Vulkan loader. Opening it is harmless: Dawn does the same. */
export async function systemHasLoader(): Promise<boolean> {
  const open = await libraryOpener();
  try {
    open("libvulkan.so.1");
    return true;
  } catch {
    return false;
  }
}

/** Opens the driver of a cache folder, and the folder's Vulkan loader if the system has none. Throws why it cannot. */
export async function preloadDriver(folder: string, driver: string): Promise<{ loader: "system" | "cache" }> {
  const open = await libraryOpener();
  const loader = (await systemHasLoader()) ? "system" : "cache";
  if (loader === "cache") openWithNeeds(open, "libvulkan.so.1", folder, []);
  openWithNeeds(open, driver, folder, []);
  return { loader };
}
