// The autotuner's winners on disk, so that a machine times each kernel once.
import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import type { TuneStore } from "../gpu/index.ts";
import { ArgumentError, isRecord, visible } from "../text/index.ts";
import { cachePath } from "./cache.ts";
import { versions } from "./env.ts";
import { writeAtomic } from "./files.ts";
import { makeFolder } from "./make_folder.ts";

/** Version, raised when keys or labels change: files of another version are ignored, then replaced. */
const FORMAT = 2;
interface Content {
  readonly format: typeof FORMAT;
  /** Winners by key, for each adapter, driver and Dawn version. */
  readonly adapters: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** Check the content of a file. Throws what is wrong with it. */
function contentOf(value: unknown): Content {
  const fault = (path: string, expected: string) => new Error(`${path}: expected ${expected}`);
  if (!isRecord(value)) throw fault("file", "an object");
  const { format, adapters } = value;
  if (format !== FORMAT) throw fault("format", String(FORMAT));
  if (!isRecord(adapters)) throw fault("adapters", "an object");
  for (const [adapter, winners] of Object.entries(adapters)) {
    if (!isRecord(winners)) throw fault(`adapters.${adapter}`, "an object");
    const wrong = Object.keys(winners).find((key) => typeof winners[key] !== "string");
    if (wrong !== undefined) throw fault(`adapters.${adapter}.${wrong}`, "a string");
  }
  return { format, adapters: adapters as Content["adapters"] };
}

function read(path: string): Content {
  const nothing = { format: FORMAT, adapters: {} } as const;
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "ENOENT") ignored(path, (cause as Error).message);
    return nothing;
  }
  try {
    return contentOf(JSON.parse(text));
  } catch (cause) {
    ignored(path, (cause as Error).message);
    return nothing;
  }
}

function ignored(path: string, why: string): void {
  process.stderr.write(
    `espalier: ${visible(path)} is ignored: expected tuning results: ${visible(why.replace(/\s+/g, " "))}\n`,
  );
}

/**
 * Make a store of winners in a JSON file, by adapter, driver and Dawn version. A file that is missing, corrupt or of
 * another version counts as empty (the last two with a note on stderr); writing replaces the file atomically and
 * creates its folder.
 *
 * @param path Default: `tune.json` in Espalier's cache folder.
 * Throws ArgumentError for an empty path.
 */
export function fileTuneStore(path: string = cachePath("tune.json")): TuneStore {
  if (typeof path !== "string" || path === "")
    throw new ArgumentError(`fileTuneStore: expected the path of a file, got ${JSON.stringify(path)}`);
  const under = (adapter: string) => `${adapter} | dawn ${versions().webgpu ?? "unknown"}`;
  return {
    async load(adapter) {
      return read(path).adapters[under(adapter)] ?? {};
    },
    async save(adapter, winners) {
      const { adapters } = read(path);
      const known = { ...adapters[under(adapter)], ...winners };
      // Sorted, so that equal choices give equal files.
      const merged = Object.fromEntries(Object.entries(known).sort(([a], [b]) => (a < b ? -1 : 1)));
      const content: Content = { format: FORMAT, adapters: { ...adapters, [under(adapter)]: merged } };
      makeFolder(dirname(path));
      await writeAtomic(path, new TextEncoder().encode(`${JSON.stringify(content, null, 2)}\n`));
    },
  };
}
