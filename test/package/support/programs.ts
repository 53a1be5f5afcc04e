// The programs of the package tests, which import the packages by name.
import { copyFile, mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";

const programs = resolve(import.meta.dirname, "../programs");

/** Copy the programs into a folder below an installed project. */
export async function writePrograms(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const name of ["training.mjs", "host.mjs", "page.mjs"]) await copyFile(join(programs, name), join(folder, name));
}
