// Opens shared libraries for Dawn's C code: the Vulkan loader, and a cached driver with its dependencies.
import { existsSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";

/** glibc and musl: the library stays loaded although Node closes it again. */
const RTLD_NODELETE = 0x1000;

type Open = (path: string) => void;
let opener: Open | null = null;

/**
 * Return a function that opens a library so that all later code sees its symbols, as with `LD_LIBRARY_PATH`.
 *
 * It is koffi if installed; else Node's `process.dlopen`, which opens the library, finds no add-on, reports an error
 * and closes it, so that the flag above keeps it. Throws the system's message if the library cannot be opened.
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

/** Return the missing library named by a failed `dlopen`, or null if it failed for another reason. */
export function missingLibrary(message: string): string | null {
  return /([^\s:'"/]+\.so[^\s:'"]*): cannot open shared object file/.exec(message)?.[1] ?? null;
}

/** Open `name` from `folder`, or the system's if the folder has none; open its dependencies from there first. */
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

/** Return true if the system has a Vulkan loader. Opening it is harmless: Dawn does the same. */
export async function systemHasLoader(): Promise<boolean> {
  const open = await libraryOpener();
  try {
    open("libvulkan.so.1");
    return true;
  } catch {
    return false;
  }
}

/** Open the driver of a cache folder, and the folder's Vulkan loader if the system has none. Throws why it cannot. */
export async function preloadDriver(folder: string, driver: string): Promise<{ loader: "system" | "cache" }> {
  const open = await libraryOpener();
  const loader = (await systemHasLoader()) ? "system" : "cache";
  if (loader === "cache") openWithNeeds(open, "libvulkan.so.1", folder, []);
  openWithNeeds(open, driver, folder, []);
  return { loader };
}
