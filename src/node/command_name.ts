// The name of the command, for sentences that say what to type.
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, join } from "node:path";
import { packageRoot } from "./env.ts";

/** Facts of an installation; tests give their own. */
export interface CommandPlace {
  /** Root of the package, or of the checkout. */
  readonly root: string;
  /** Path of the running program. */
  readonly program: string;
  /** Current folder. */
  readonly folder: string;
}

const here = (): CommandPlace => ({ root: packageRoot(), program: process.argv[1] ?? "", folder: process.cwd() });

/** Return true if a project has the package of the command, so that `npx espalier` finds it. */
function isInstalledIn(folder: string): boolean {
  try {
    createRequire(join(folder, "index.js")).resolve("@espalier/cli/package.json");
    return true;
  } catch {
    return false;
  }
}

/**
 * Return how to call the command here: through npm in a checkout, by its name after a global installation, else through npx,
 * which fetches the package if the project lacks it.
 */
export function espalierCommand({ root, program, folder }: CommandPlace = here()): string {
  if (existsSync(join(root, "tools", "prepare.ts"))) return "npm run -s espalier --";
  if (isInstalledIn(folder)) return "npx espalier";
  return basename(program) === "espalier" ? "espalier" : "npx @espalier/cli";
}
