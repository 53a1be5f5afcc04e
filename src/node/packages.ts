// Imports packages that an installation may lack. If one is missing, an error says in one sentence what to install.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { EspalierError, visible } from "../text/index.ts";

/** A package is missing, or does not load on this system. The message says who needs it and what to install. */
export class PackageError extends EspalierError {
  override readonly name = "PackageError";
}

/** Codes of the errors of import(), and of require(). */
const MISSING = ["ERR_MODULE_NOT_FOUND", "MODULE_NOT_FOUND"];

/** Return the package that an import did not find: `name` itself, or another that the imported module needs. */
function missingPackage(name: string, cause: unknown): string | null {
  const { code, message } = cause as NodeJS.ErrnoException;
  const found = /Cannot find (?:package|module) '((?:@[\w.-]+\/)?[\w.-]+)(?:\/[^']*)?'/.exec(message ?? "")?.[1];
  if (found !== undefined && (MISSING.includes(code ?? "") || found === name)) return found;
  return null;
}

/** Describe why a package is of no use. `need`: "images need". */
function sentence(name: string, need: string, cause: unknown): string {
  const missing = missingPackage(name, cause);
  const [family] = name.split("/");
  // A scope's own packages, such as @img/sharp-linux-x64, are native halves: their package is there.
  const isHalf = missing !== null && missing !== name && missing.startsWith(`${family}`);
  if (missing !== null && !isHalf) return `${need} the package ${missing}: npm install ${missing}`;
  const reason = visible(String((cause as Error)?.message ?? cause).split("\n")[0]!);
  return `${need} the package ${name}, which does not load here (${reason}): npm install --include=optional ${name}`;
}

/**
 * Import a package that may be missing.
 *
 * @param need Subject and verb of the sentence: "images need".
 * @param load Imports the package, or a module of this project that imports it.
 * @returns Result of `load`. Errors: PackageError if the package is missing or does not load.
 */
export async function importPackage<T>(name: string, need: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    throw new PackageError(sentence(name, need, cause), { cause });
  }
}

/** Return the address of a package's module, for another thread. Errors: PackageError if it is missing. */
export function packageAddress(module: string, need: string): string {
  const name = module
    .split("/")
    .slice(0, module.startsWith("@") ? 2 : 1)
    .join("/");
  try {
    return pathToFileURL(createRequire(import.meta.url).resolve(module)).href;
  } catch (cause) {
    throw new PackageError(sentence(name, need, cause), { cause });
  }
}
