// Installs SwiftShader and Chromium from an npm package, which holds SwiftShader with a Vulkan loader, and the browser with its libraries.
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createBrotliDecompress } from "node:zlib";
import { cachePath, driverFolder, fillFolder } from "../node/cache.ts";
import { must } from "./command.ts";
import { fetchPackage, type PinnedPackage } from "./npm_package.ts";

/** The tested version, pinned by its digest. Licences: package MIT, SwiftShader Apache-2.0, Chromium BSD. */
const PACKAGE: PinnedPackage = {
  spec: "@sparticuz/chromium@147.0.0",
  sha512: "4ZKeAQQa8up2mt675qSitztLdbQrlf8BKdC5naeap+5Mv1OV1OlJdPoU+EJC/p5sQUJUQmN4r+q5+EhaaOUHpQ==",
};

type Log = (line: string) => void;

/** Return the folder of the cached browser: `chromium`, with its libraries in `lib`. */
export const chromiumFolder = (): string => cachePath("chromium");

/** Fetch the package into `work`. Returns the folder of the packed files. */
async function fetchPacked(work: string, log: Log): Promise<string> {
  log(`  npm pack ${PACKAGE.spec}`);
  return join(await fetchPackage(PACKAGE, work), "bin");
}

async function unbrotli(packed: string, target: string, mode = 0o644): Promise<void> {
  await pipeline(createReadStream(packed), createBrotliDecompress(), createWriteStream(target, { mode }));
}

/** Unpack files of a brotli tar into a folder; all of them without `names`. */
async function unpack(packed: string, folder: string, names: readonly string[] = []): Promise<void> {
  const tar = `${packed}.tar`;
  await unbrotli(packed, tar);
  await mkdir(folder, { recursive: true });
  await must(`cannot unpack ${tar}`, "tar", ["-xf", tar, "--no-same-owner", "-C", folder, ...names]);
}

/** Install SwiftShader and its Vulkan loader in the cache. x64 Linux only. Errors: SetupError. */
export async function cacheSwiftShader(log: Log): Promise<void> {
  const target = driverFolder("swiftshader");
  await fillFolder(target, "icd.json", async (ready, work) => {
    const bin = await fetchPacked(work, log);
    await unpack(join(bin, "swiftshader.tar.br"), ready, [
      "libvk_swiftshader.so",
      "libvulkan.so.1",
      "vk_swiftshader_icd.json",
    ]);
    await rename(join(ready, "vk_swiftshader_icd.json"), join(ready, "icd.json"));
    await writeFile(join(ready, "SOURCE"), `${PACKAGE.spec}\n`);
  });
  log(`  installed in ${target}`);
}

/** Install Chromium in the cache, with SwiftShader and the libraries that a minimal system lacks. x64 Linux only. */
export async function cacheChromium(log: Log): Promise<string> {
  const target = chromiumFolder();
  await fillFolder(target, "chromium", async (ready, work) => {
    const bin = await fetchPacked(work, log);
    await unpack(join(bin, "swiftshader.tar.br"), ready);
    await unpack(join(bin, "al2023.tar.br"), ready); // brings lib/
    await unbrotli(join(bin, "chromium.br"), join(ready, "chromium"), 0o755);
    await writeFile(join(ready, "SOURCE"), `${PACKAGE.spec}\n`);
  });
  log(`  installed in ${target}`);
  return join(target, "chromium");
}
