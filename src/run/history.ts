// The history of a run: each resume with its command, adapter and changed settings. Stored in run.json, and shown in the
// model card and config.yaml.
import { isRecord } from "../text/index.ts";
import { changeWords, type SettingChange } from "./resume_rules.ts";

export interface HistoryEntry {
  /** Steps done at the resume. */
  readonly step: number;
  /** Time in ISO 8601. */
  readonly at: string;
  readonly command: string;
  /** Settings that change at this step, by their paths in the recipe. */
  readonly changed?: Readonly<Record<string, { readonly was: unknown; readonly now: unknown }>> | undefined;
  /** The adapter from this step on, if it changes. */
  readonly adapter?: string | undefined;
}

function isEntry(value: unknown): value is HistoryEntry {
  if (!isRecord(value)) return false;
  const { step, at, command, changed, adapter } = value;
  return (
    Number.isSafeInteger(step) &&
    typeof at === "string" &&
    typeof command === "string" &&
    (changed === undefined || (isRecord(changed) && Object.values(changed).every(isRecord))) &&
    (adapter === undefined || typeof adapter === "string")
  );
}

/** Read the history in run.json. Skips malformed entries: the file may be edited by hand. */
export function historyOf(info: Readonly<Record<string, unknown>>): HistoryEntry[] {
  const given = info["history"];
  return Array.isArray(given) ? given.filter(isEntry) : [];
}

/**
 * Add an entry for a resume. It replaces an entry of the same step with the same changes, which a run that was killed before
 * its next checkpoint left. Entries of other steps stay, even if these steps will be repeated.
 */
export function withEntry(
  history: readonly HistoryEntry[],
  entry: Omit<HistoryEntry, "changed">,
  changes: readonly SettingChange[],
): HistoryEntry[] {
  const changed = Object.fromEntries(
    changes.map(({ path, was, now }) => [path, { was: was ?? null, now: now ?? null }]),
  );
  const next: HistoryEntry = { ...entry, changed: changes.length > 0 ? changed : undefined };
  const key = ({ step, changed, adapter }: HistoryEntry) => JSON.stringify([step, changed ?? {}, adapter ?? null]);
  return [...history.filter((other) => other.changed === undefined || key(other) !== key(next)), next];
}

/** Describe each change in a line: "from step 6 on: epochs: 2 -> 3". */
export function historyLines(history: readonly HistoryEntry[]): string[] {
  return history.flatMap(({ step, changed = {}, adapter }) => [
    ...Object.entries(changed).map(
      ([path, { was, now }]) =>
        `from step ${step} on: ${changeWords({ path, was: was ?? undefined, now: now ?? undefined })}`,
    ),
    ...(adapter === undefined ? [] : [`from step ${step} on: adapter ${adapter}`]),
  ]);
}

/** List the commands of a run, each once, starting with the first. */
export function commandsOf(info: Readonly<Record<string, unknown>>, history: readonly HistoryEntry[]): string[] {
  const first = typeof info["command"] === "string" ? [info["command"]] : [];
  return [...new Set([...first, ...history.map((entry) => entry.command)])];
}

/** Return the adapter that a run was last trained on. */
export function lastAdapter(info: Readonly<Record<string, unknown>>, history: readonly HistoryEntry[]): string | null {
  const later = history.findLast((entry) => entry.adapter !== undefined)?.adapter;
  return later ?? (typeof info["adapter"] === "string" ? info["adapter"] : null);
}
