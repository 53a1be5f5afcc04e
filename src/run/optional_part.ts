// Parts of a run that it can do without: pictures and figures.
import { PackageError } from "../node/packages.ts";
import type { Output } from "../terminal/output.ts";

/** Sentences that each output has shown: two figures that lack one package say so once. */
const shown = new WeakMap<Output, Set<string>>();

/** Make a part of the results. If a package is missing, print what to install and return null: the run goes on without it. */
export async function makeIfInstalled<T>(out: Output, make: () => Promise<T>): Promise<T | null> {
  try {
    return await make();
  } catch (error) {
    if (!(error instanceof PackageError)) throw error;
    const problems = shown.get(out) ?? new Set();
    shown.set(out, problems);
    if (problems.has(error.message)) return null;
    problems.add(error.message);
    out.say(error.message);
    out.emit({ kind: "note", problem: error.message });
    return null;
  }
}
