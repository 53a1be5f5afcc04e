// Opens shared libraries for Dawn's C code: the Vulkan loader, and a cached driver with its dependencies.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { nativeAccess } from "./native.ts";

/** Return the missing library named by a failed `dlopen`, or null if it failed for another reason. */
export function missingLibrary(message: string): string | null {
  return /([^\s:'"/]+\.so[^\s:'"]*): cannot open shared object file/.exec(message)?.[1] ?? null;
}

/** Open `name` from `folder`, or the system's if the folder has none; open its dependencies from there first. */
function openWithNeeds(open: (path: string) => void, name: string, folder: string, waiting: readonly string[]): void {
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
  const { open } = await nativeAccess();
  try {
    open("libvulkan.so.1");
    return true;
  } catch {
    return false;
  }
}

/** Open the driver of a cache folder, and the folder's Vulkan loader if the system has none. Throws why it cannot. */
export async function preloadDriver(folder: string, driver: string): Promise<{ loader: "system" | "cache" }> {
  const { open } = await nativeAccess();
  const loader = (await systemHasLoader()) ? "system" : "cache";
  if (loader === "cache") openWithNeeds(open, "libvulkan.so.1", folder, []);
  openWithNeeds(open, driver, folder, []);
  return { loader };
}
