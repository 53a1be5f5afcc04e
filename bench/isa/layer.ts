// Builds the Vulkan layer of layer/ and its compiler of SPIR-V with the system's C compiler, into the cache folder.
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { cachePath, fillFolder } from "../../src/node/cache.ts";
import { run } from "../../src/node/programs.ts";
import { IsaError, must } from "./command.ts";

export const LAYER = "VK_LAYER_espalier_isa";
const LIBRARY = "libespalier_isa.so";
const MANIFEST = "layer.json";
const SOURCES = fileURLToPath(new URL("./layer/", import.meta.url));
const FLAGS = ["-std=gnu11", "-O2", "-Wall", "-Wextra"];
const SHARED = ["-fPIC", "-shared", "-fvisibility=hidden"];
/** Program that compiles SPIR-V, and its source. */
const PROGRAM = "compile";

/** Return the missing tools, by the packages that have them. */
async function missingTools(): Promise<string[]> {
  const missing: string[] = [];
  if ((await run("gcc", ["--version"])).code !== 0) missing.push("gcc");
  if (!existsSync("/usr/include/vulkan/vk_layer.h")) missing.push("libvulkan-dev");
  return missing;
}

const manifest = (library: string) => ({
  file_format_version: "1.2.0",
  layer: {
    name: LAYER,
    type: "GLOBAL",
    library_path: library,
    api_version: "1.3.239",
    implementation_version: "1",
    description: "Lets devices that only compile accept work, and writes the compiler's output",
  },
});

/** Return the program that compiles SPIR-V files on a Vulkan device. */
export const spirvCompiler = (layer: string): string => join(layer, PROGRAM);

/** Return the folder of the layer's manifest. Build it if its sources have changed. Errors: IsaError names missing packages. */
export async function buildLayer(): Promise<string> {
  const names = (await readdir(SOURCES)).sort();
  const hash = createHash("sha256");
  for (const name of names) hash.update(name).update(await readFile(join(SOURCES, name)));
  const folder = cachePath("isa", `layer-${hash.digest("hex").slice(0, 12)}`);
  if (existsSync(join(folder, MANIFEST))) return folder;
  const missing = await missingTools();
  if (missing.length > 0) throw new IsaError(`bench:isa: to build the layer, install ${missing.join(" and ")}`);
  await fillFolder(folder, MANIFEST, async (ready) => {
    const program = join(SOURCES, `${PROGRAM}.c`);
    const sources = names.filter((name) => name.endsWith(".c")).map((name) => join(SOURCES, name));
    const ofLayer = sources.filter((name) => name !== program);
    const library = join(ready, LIBRARY);
    await must("gcc cannot build the layer", "gcc", [...FLAGS, ...SHARED, "-o", library, ...ofLayer, "-lpthread"]);
    await must("gcc cannot build its compiler", "gcc", [...FLAGS, "-o", join(ready, PROGRAM), program, "-lvulkan"]);
    await writeFile(join(ready, MANIFEST), JSON.stringify(manifest(join(folder, LIBRARY)), null, 2));
  });
  return folder;
}
