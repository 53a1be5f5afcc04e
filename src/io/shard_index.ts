// index.json of a folder of shards: describes the images and lists the files. Read strictly: an unknown or missing key
// is an error.
import { cut, visible } from "../text/index.ts";
import { crc32c } from "./crc32c.ts";
import { ShardError, type ShardShape } from "./shard.ts";

export const SHARD_INDEX_FILE = "index.json";
const FORMAT = "espalier-shards";
/** Version 1 had no checksum and is still supported. */
const VERSION = 2;
const CHECKSUM = "checksum";
const ZEROS = "00000000";

/** One file of a folder of shards. */
export interface ShardEntry {
  /** `shard-00000.bin`, `shard-00001.bin`, ... */
  readonly file: string;
  readonly count: number;
  /** SHA-256 of the whole file, in hexadecimal. */
  readonly sha256: string;
}

/** Contents of `index.json` of a folder of shards. */
export interface ShardIndex {
  readonly name: string;
  /** Shape of the stored images. */
  readonly shape: ShardShape;
  /** Height and width of the network's input: at most those stored. */
  readonly view: readonly [height: number, width: number];
  readonly classes: readonly string[];
  /** Images in all shards together. */
  readonly length: number;
  /** Per channel, in units of 1 = 255. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
  /** SHA-256 of source and options, so that an unfinished folder is only continued with the same. */
  readonly fingerprint: string;
  /** Images that were corrupt and left out. */
  readonly skipped: readonly string[];
  readonly shards: readonly ShardEntry[];
}

/** Return the name of shard number i. */
export const shardFile = (i: number): string => `shard-${String(i).padStart(5, "0")}.bin`;

type Check = (value: unknown) => boolean;
const whole = (least: number, most = Number.MAX_SAFE_INTEGER): Check => {
  return (v) => Number.isInteger(v) && (v as number) >= least && (v as number) <= most;
};
const text: Check = (v) => typeof v === "string";
const name: Check = (v) => typeof v === "string" && v !== "";
const list = (each: Check, least = 0, most = Number.MAX_SAFE_INTEGER): Check => {
  return (v) => Array.isArray(v) && v.length >= least && v.length <= most && v.every(each);
};
const finite: Check = (v) => typeof v === "number" && Number.isFinite(v);
const positive: Check = (v) => finite(v) && (v as number) > 0;
const digest: Check = (v) => typeof v === "string" && /^[0-9a-f]{64}$/.test(v);

const LARGEST_SIDE = 65535;
const TOP: Readonly<Record<string, readonly [check: Check, expected: string]>> = {
  format: [(v) => v === FORMAT, JSON.stringify(FORMAT)],
  version: [(v) => v === VERSION, `version ${VERSION}`],
  [CHECKSUM]: [(v) => typeof v === "string" && /^[0-9a-f]{8}$/.test(v), "eight digits of a CRC-32C"],
  name: [name, "a text"],
  shape: [list(whole(1, LARGEST_SIDE), 3, 3), "three integers [c, h, w]"],
  view: [list(whole(1, LARGEST_SIDE), 2, 2), "two integers [h, w]"],
  classes: [list(text, 1, 65536), "a list of 1 to 65536 texts"],
  length: [whole(1), "an integer >= 1"],
  mean: [list(finite, 1), "a list of numbers"],
  std: [list(positive, 1), "a list of numbers > 0"],
  fingerprint: [digest, "a SHA-256 in hexadecimal"],
  skipped: [list(text), "a list of texts"],
  shards: [list((v) => typeof v === "object" && v !== null && !Array.isArray(v), 1, 100_000), "a list of shards"],
};
const { [CHECKSUM]: _, ...FIELDS_OF_1 } = TOP;
const TOP_OF_1: typeof TOP = { ...FIELDS_OF_1, version: [(v) => v === 1, "version 1"] };
const ENTRY: typeof TOP = {
  file: [(v) => text(v) && /^shard-\d{5}\.bin$/.test(v as string), "a name as shard-00000.bin"],
  count: [whole(1), "an integer >= 1"],
  sha256: [digest, "a SHA-256 in hexadecimal"],
};

function checkKeys(label: string, where: string, value: object, keys: typeof TOP): void {
  const have = value as Record<string, unknown>;
  for (const key of Object.keys(have)) {
    if (!Object.hasOwn(keys, key)) throw new ShardError(label, `${where}${key} is not a key of a shard index`);
  }
  for (const [key, [check, expected]] of Object.entries(keys)) {
    if (!Object.hasOwn(have, key)) throw new ShardError(label, `${where}${key} is missing`);
    if (!check(have[key])) {
      const got = (JSON.stringify(have[key]) ?? "nothing").slice(0, 80);
      throw new ShardError(label, `${where}${key}: expected ${expected}, got ${got}`);
    }
  }
}

/**
 * Read and check index.json.
 *
 * Errors    ShardError naming the file and the key: no JSON, unknown and missing keys, wrong values, counts and sizes
 *           that disagree, a wrong checksum.
 */
export function parseShardIndex(label: string, json: string): ShardIndex {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    throw new ShardError(label, `not JSON: ${visible(cut((cause as Error).message, 200))}`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new ShardError(label, "expected a JSON object");
  const { version, checksum } = value as { version?: unknown; checksum?: unknown };
  checkKeys(label, "", value, version === 1 ? TOP_OF_1 : TOP);
  const index = value as ShardIndex;
  for (const [i, entry] of index.shards.entries()) {
    checkKeys(label, `shards[${i}].`, entry, ENTRY);
    if (entry.file !== shardFile(i))
      throw new ShardError(label, `shards[${i}].file: expected ${shardFile(i)}, got ${entry.file}`);
  }
  const [channels, height, width] = index.shape;
  const total = index.shards.reduce((sum, { count }) => sum + count, 0);
  if (total !== index.length)
    throw new ShardError(label, `length: expected ${total}, the images of its shards, got ${index.length}`);
  if (index.view[0] > height || index.view[1] > width)
    throw new ShardError(label, `view: expected at most the images' ${height}x${width}, got ${index.view.join("x")}`);
  if (index.mean.length !== channels || index.std.length !== channels) {
    const problem = `mean and std: expected ${channels} each, one per channel, got ${index.mean.length} and ${index.std.length}`;
    throw new ShardError(label, problem);
  }
  if (version === VERSION) checkSum(label, json, checksum as string);
  return index;
}

/** Return the checksum of a text in which its own digits are zeros. */
const sumOf = (json: string): string => crc32c(new TextEncoder().encode(json)).toString(16).padStart(8, "0");
const field = (digits: string): string => `"${CHECKSUM}": "${digits}"`;

function checkSum(label: string, json: string, digits: string): void {
  const got = sumOf(json.replace(field(digits), field(ZEROS)));
  if (got !== digits)
    throw new ShardError(label, `checksum differs: expected ${digits}, got ${got}: the file is corrupt or was edited`);
}

/** Write the text of index.json. */
export function formatShardIndex(index: ShardIndex): string {
  const { name, shape, view, classes, length, mean, std, fingerprint, skipped, shards } = index;
  const fields = { name, shape, view, classes, length, mean, std, fingerprint, skipped, shards };
  const text = `${JSON.stringify({ format: FORMAT, version: VERSION, [CHECKSUM]: ZEROS, ...fields }, null, 1)}\n`;
  return text.replace(field(ZEROS), field(sumOf(text)));
}
