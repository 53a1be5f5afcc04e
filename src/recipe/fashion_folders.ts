// Folders of Fashion-MNIST in the packages of common distributions.
import { existsSync } from "node:fs";

const FOLDERS = [
  "/usr/share/dataset-fashion-mnist",
  "/usr/share/datasets/fashion-mnist",
  "/usr/share/dataset/fashion-mnist",
];

/** Return the folder of the four IDX files, if this machine has one. */
export const fashionFolder = (): string | undefined => FOLDERS.find((folder) => existsSync(folder));
