// The index of a model in several files, in the format of the transformers library: the file of each array.
import { isRecord } from "../text/index.ts";
import { quote } from "./array_types.ts";
import type { WeightEntry, WeightsDict } from "./weights_entry.ts";

type Fail = (problem: string) => never;

/** Check for a plain file name, which cannot lead out of the folder. */
const isPlainName = (value: unknown): value is string =>
  typeof value === "string" && /^[^/\\\0:]{1,255}$/.test(value) && value !== "." && value !== "..";

/** Read the text of an index: array to file. Null: it is no index of a sharded model. Fails for a corrupt one. */
export function parseWeightMap(text: string, fail: Fail): Map<string, string> | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  const map = isRecord(value) ? value["weight_map"] : undefined;
  if (map === undefined) return null;
  const refuse: Fail = (problem) => fail(`the index of a sharded model: ${problem}`);
  if (!isRecord(map)) return refuse(`weight_map: expected an object, got ${quote(map)}`);
  const entries = Object.entries(map);
  if (entries.length === 0) refuse("weight_map: names no array");
  for (const [name, file] of entries) {
    if (!isPlainName(file))
      refuse(`weight_map: ${quote(name)}: expected the name of a file beside it, got ${quote(file)}`);
  }
  return new Map(entries as [string, string][]);
}

/** Read all arrays of an index from its files. `open` reads one file. */
export async function readShards(
  map: ReadonlyMap<string, string>,
  open: (file: string) => Promise<WeightsDict>,
  fail: Fail,
): Promise<WeightsDict> {
  const shards = new Map<string, WeightsDict>();
  for (const file of new Set(map.values())) shards.set(file, await open(file));
  const entries = new Map<string, WeightEntry>();
  const refused = new Map<string, string>();
  for (const [name, file] of map) {
    const shard = shards.get(file)!;
    const entry = shard.entries.get(name);
    const why = shard.refused.get(name);
    if (entry) entries.set(name, entry);
    else if (why !== undefined) refused.set(name, why);
    else fail(`the index of a sharded model: ${quote(file)} has no ${quote(name)}, which the index says it has`);
  }
  for (const [file, { entries: has }] of shards) {
    for (const name of has.keys())
      if (map.get(name) !== file)
        fail(`the index of a sharded model: it does not name ${quote(name)} of ${quote(file)}`);
  }
  return { path: [], entries, ignored: [], refused };
}
