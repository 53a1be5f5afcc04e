// Where the packages of common distributions put Fashion-MNIST.
import { existsSync } from "node:fs";

const FOLDERS = [
  "/usr/share/dataset-fashion-mnist",
  "/usr/share/datasets/fashion-mnist",
  "/usr/share/dataset/fashion-mnist",
];

/** The folder of the four IDX files, where this machine has one. */
export const fashionFolder = (): string | undefined => FOLDERS.find((folder) => existsSync(folder));
