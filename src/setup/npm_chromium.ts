// A Chromium that npm serves: its package holds SwiftShader with a Vulkan loader, and the browser with libraries it needs.
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createBrotliDecompress } from "node:zlib";
import { cachePath, driverFolder, fillFolder } from "../node/cache.ts";
import { must, SetupError } from "./command.ts";

/** One version, by its digest: what runs here is what was tried. MIT; SwiftShader is Apache-2.0, Chromium BSD. */
const PACKAGE = "@sparticuz/chromium@147.0.0";
const INTEGRITY = "4ZKeAQQa8up2mt675qSitztLdbQrlf8BKdC5naeap+5Mv1OV1OlJdPoU+EJC/p5sQUJUQmN4r+q5+EhaaOUHpQ==";

type Log = (line: string) => void;

/** The folder of the cached browser: `chromium`, its libraries in `lib`. */
export const chromiumFolder = (): string => cachePath("chromium");

/** Fetches the package into `work` and checks it. Returns the folder of its packed files. */
async function fetchPackage(work: string, log: Log): Promise<string> {
  log(`  npm pack ${PACKAGE}`);
  // npm's own retries wait for minutes where there is no network; the pinned version may as well come from its cache.
  const flags = [
    "--loglevel=error",
    "--ignore-scripts",
    "--prefer-offline",
    "--fetch-retries=1",
    "--fetch-retry-mintimeout=2000",
  ];
  await must(`npm could not fetch ${PACKAGE} (offline?)`, "npm", ["pack", PACKAGE, ...flags], { cwd: work });
  const name = (await readdir(work)).find((entry) => entry.endsWith(".tgz"));
  if (!name) throw new SetupError(`npm pack ${PACKAGE} left no archive`);
  const digest = createHash("sha512")
    .update(await readFile(join(work, name)))
    .digest("base64");
  if (digest !== INTEGRITY) throw new SetupError(`${PACKAGE}: sha512 is ${digest}, wanted ${INTEGRITY}`);
  await must(`cannot unpack ${PACKAGE}`, "tar", ["-xzf", name, "--no-same-owner"], { cwd: work });
  return join(work, "package", "bin");
}

async function unbrotli(packed: string, target: string, mode = 0o644): Promise<void> {
  await pipeline(createReadStream(packed), createBrotliDecompress(), createWriteStream(target, { mode }));
}

/** Unpacks some files (all without `names`) of a brotli tar into a folder. */
async function unpack(packed: string, folder: string, names: readonly string[] = []): Promise<void> {
  const tar = `${packed}.tar`;
  await unbrotli(packed, tar);
  await mkdir(folder, { recursive: true });
  await must(`cannot unpack ${tar}`, "tar", ["-xf", tar, "--no-same-owner", "-C", folder, ...names]);
}

/** Places SwiftShader and its Vulkan loader in the cache. x64 Linux only. Errors: SetupError. */
export async function cacheSwiftShader(log: Log): Promise<void> {
  const target = driverFolder("swiftshader");
  await fillFolder(target, "icd.json", async (ready, work) => {
    const bin = await fetchPackage(work, log);
    await unpack(join(bin, "swiftshader.tar.br"), ready, [
      "libvk_swiftshader.so",
      "libvulkan.so.1",
      "vk_swiftshader_icd.json",
    ]);
    await rename(join(ready, "vk_swiftshader_icd.json"), join(ready, "icd.json"));
    await writeFile(join(ready, "SOURCE"), `${PACKAGE}\n`);
  });
  log(`  placed in ${target}`);
}

/** Places the package's browser in the cache, with SwiftShader and the libraries a bare system lacks. x64 Linux only. */
export async function cacheChromium(log: Log): Promise<string> {
  const target = chromiumFolder();
  await fillFolder(target, "chromium", async (ready, work) => {
    const bin = await fetchPackage(work, log);
    await unpack(join(bin, "swiftshader.tar.br"), ready);
    await unpack(join(bin, "al2023.tar.br"), ready); // brings lib/
    await unbrotli(join(bin, "chromium.br"), join(ready, "chromium"), 0o755);
    await writeFile(join(ready, "SOURCE"), `${PACKAGE}\n`);
  });
  log(`  placed in ${target}`);
  return join(target, "chromium");
}
