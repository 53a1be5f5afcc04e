// Tables of a correlation that are made once per device and layer. Captured steps bind them, so they are never dropped.
import { currentGpu, type Gpu } from "../../gpu/index.ts";
import type { Correlation, Line } from "./correlation.ts";

/** Return the sizes on which a table depends: those of the layer, not of the batch. */
function keyOf(phases: readonly Correlation[]): string {
  const line = (l: Line) => Object.values(l).join();
  const { reduced, weightReduced, weightRow } = phases[0]!;
  return `${[reduced, weightReduced, weightRow]}|${phases.map((c) => `${line(c.rows)}|${line(c.columns)}`).join("|")}`;
}

/** Return a function that gives the table of the phases of one correlation, and calls `make` for the first of its kind. */
export function phaseTables<T>(make: (phases: readonly Correlation[]) => T): (phases: readonly Correlation[]) => T {
  const made = new WeakMap<Gpu, Map<string, T>>();
  return (phases) => {
    const gpu = currentGpu();
    const known = made.get(gpu) ?? new Map<string, T>();
    made.set(gpu, known);
    const key = keyOf(phases);
    const found = known.get(key) ?? make(phases);
    known.set(key, found);
    return found;
  };
}
