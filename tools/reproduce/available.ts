// Finds out which data sets of the plan this machine has.
import { loadInMemory } from "../../src/recipe/datasets.ts";
import type { DataSettings } from "../../src/recipe/splits.ts";
import { UsageError } from "../../src/terminal/fail.ts";
import type { Plan } from "./plan.ts";

/** List the missing data sets, with a note about each. Corrupt files are an error. */
export async function available(
  plan: Plan,
  folders: Readonly<Record<string, string>>,
  load: (data: DataSettings) => Promise<unknown> = (data) => loadInMemory(data, 1),
): Promise<{ readonly missing: readonly string[]; readonly notes: readonly string[] }> {
  const missing: string[] = [];
  const notes: string[] = [];
  for (const name of new Set(plan.pairs.map(({ data }) => data))) {
    const dir = folders[name];
    try {
      await load({ name, ...(dir === undefined ? {} : { dir }) });
    } catch (error) {
      // A folder given by the user must be right.
      if (!(error instanceof UsageError) || dir !== undefined) throw error;
      missing.push(name);
      notes.push(`left out: ${error.message}`);
    }
  }
  return { missing, notes };
}
