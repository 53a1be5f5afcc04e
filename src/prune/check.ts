// How this room refuses a setting: who refuses, its name, what was wanted, what was given.

/** A check that throws RangeError in the name of `who` unless `ok`. */
export const checksOf =
  (who: string) =>
  (name: string, wanted: string, given: unknown, ok: boolean): void => {
    if (!ok) throw new RangeError(`${who}: ${name} wants ${wanted}, got ${String(given)}`);
  };
