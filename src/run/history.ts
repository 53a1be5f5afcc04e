// What happened to a run since it began: when it went on, by which command, on which adapter, and what was changed. Kept in
// run.json; the model card and config.yaml tell it.
import { changeWords, type SettingChange } from "./resume_rules.ts";

export interface HistoryEntry {
  /** Steps done when the run went on. */
  readonly step: number;
  /** ISO 8601. */
  readonly at: string;
  readonly command: string;
  /** Settings that are others from this step on, by their paths in the recipe. */
  readonly changed?: Readonly<Record<string, { readonly was: unknown; readonly now: unknown }>>;
  /** The adapter from this step on, where it is another. */
  readonly adapter?: string;
}

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function isEntry(value: unknown): value is HistoryEntry {
  if (!isMap(value)) return false;
  const { step, at, command, changed, adapter } = value;
  return (
    Number.isSafeInteger(step) &&
    typeof at === "string" &&
    typeof command === "string" &&
    (changed === undefined || (isMap(changed) && Object.values(changed).every(isMap))) &&
    (adapter === undefined || typeof adapter === "string")
  );
}

/** The history in run.json; entries that are none are passed over: the file may be edited by hand. */
export function historyOf(info: Readonly<Record<string, unknown>>): HistoryEntry[] {
  const given = info["history"];
  return Array.isArray(given) ? given.filter(isEntry) : [];
}

/**
 * The history with an entry for a run that goes on. Entries of steps that will be done again stay, but for one of the same step
 * with the same changes: a run that is killed before its next checkpoint comes by here again.
 */
export function withEntry(
  history: readonly HistoryEntry[],
  entry: Omit<HistoryEntry, "changed">,
  changes: readonly SettingChange[],
): HistoryEntry[] {
  const changed = Object.fromEntries(
    changes.map(({ path, was, now }) => [path, { was: was ?? null, now: now ?? null }]),
  );
  const next: HistoryEntry = { ...entry, ...(changes.length > 0 ? { changed } : {}) };
  const key = ({ step, changed, adapter }: HistoryEntry) => JSON.stringify([step, changed ?? {}, adapter ?? null]);
  return [...history.filter((other) => other.changed === undefined || key(other) !== key(next)), next];
}

/** A line for each change, "from step 6 on: epochs: 2 -> 3". */
export function historyLines(history: readonly HistoryEntry[]): string[] {
  return history.flatMap(({ step, changed = {}, adapter }) => [
    ...Object.entries(changed).map(
      ([path, { was, now }]) =>
        `from step ${step} on: ${changeWords({ path, was: was ?? undefined, now: now ?? undefined })}`,
    ),
    ...(adapter === undefined ? [] : [`from step ${step} on: adapter ${adapter}`]),
  ]);
}

/** The commands of a run, the first that began it, each once. */
export function commandsOf(info: Readonly<Record<string, unknown>>, history: readonly HistoryEntry[]): string[] {
  const first = typeof info["command"] === "string" ? [info["command"]] : [];
  return [...new Set([...first, ...history.map((entry) => entry.command)])];
}

/** The adapter that a run was last trained on. */
export function lastAdapter(info: Readonly<Record<string, unknown>>, history: readonly HistoryEntry[]): string | null {
  const later = history.findLast((entry) => entry.adapter !== undefined)?.adapter;
  return later ?? (typeof info["adapter"] === "string" ? info["adapter"] : null);
}
