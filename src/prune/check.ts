// How this room refuses a setting: who refuses, its name, what was wanted, what was given.
import { ArgumentError } from "../text/index.ts";

/** A check that throws ArgumentError in the name of `who` unless `ok`. */
export const checksOf =
  (who: string) =>
  (name: string, wanted: string, given: unknown, ok: boolean): void => {
    if (!ok) throw new ArgumentError(`${who}: ${name} wants ${wanted}, got ${String(given)}`);
  };
