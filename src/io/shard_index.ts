// index.json of a folder of shards: what the images are and which files hold them. Read strictly: a key that is not
// known is an error, as is one that is missing.
import { cut, visible } from "../text/index.ts";
import { crc32c } from "./crc32c.ts";
import { ShardError, type ShardShape } from "./shard.ts";

export const SHARD_INDEX_FILE = "index.json";
const FORMAT = "espalier-shards";
/** Version 1 had no checksum; it is still read. */
const VERSION = 2;
const CHECKSUM = "checksum";
const ZEROS = "00000000";

export interface ShardEntry {
  /** `shard-00000.bin`, `shard-00001.bin`, ... */
  readonly file: string;
  readonly count: number;
  /** SHA-256 of the whole file, in hexadecimal. */
  readonly sha256: string;
}

export interface ShardIndex {
  readonly name: string;
  /** Of the images as stored. */
  readonly shape: ShardShape;
  /** Height and width that a network should see: at most those stored. */
  readonly view: readonly [height: number, width: number];
  readonly classes: readonly string[];
  /** Images in all shards together. */
  readonly length: number;
  /** Per channel, in units of 1 = 255. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
  /** SHA-256 of what was packed and how, so that half a folder is only continued with the same. */
  readonly fingerprint: string;
  /** Images that were damaged and left out. */
  readonly skipped: readonly string[];
  readonly shards: readonly ShardEntry[];
}

/** Name of shard number i. */
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
const TOP: Readonly<Record<string, readonly [check: Check, wanted: string]>> = {
  format: [(v) => v === FORMAT, JSON.stringify(FORMAT)],
  version: [(v) => v === VERSION, `version ${VERSION}`],
  [CHECKSUM]: [(v) => typeof v === "string" && /^[0-9a-f]{8}$/.test(v), "eight digits of a CRC-32C"],
  name: [name, "a text"],
  shape: [list(whole(1, LARGEST_SIDE), 3, 3), "three whole numbers [c, h, w]"],
  view: [list(whole(1, LARGEST_SIDE), 2, 2), "two whole numbers [h, w]"],
  classes: [list(text, 1, 65536), "a list of 1 to 65536 texts"],
  length: [whole(1), "a whole number >= 1"],
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
  count: [whole(1), "a whole number >= 1"],
  sha256: [digest, "a SHA-256 in hexadecimal"],
};

function checkKeys(label: string, where: string, value: object, keys: typeof TOP): void {
  const have = value as Record<string, unknown>;
  for (const key of Object.keys(have)) {
    if (!Object.hasOwn(keys, key)) throw new ShardError(label, `${where}${key} is not a key of a shard index`);
  }
  for (const [key, [check, wanted]] of Object.entries(keys)) {
    if (!Object.hasOwn(have, key)) throw new ShardError(label, `${where}${key} is missing`);
    if (!check(have[key])) {
      const given = (JSON.stringify(have[key]) ?? "nothing").slice(0, 80);
      throw new ShardError(label, `${where}${key} wants ${wanted}, is ${given}`);
    }
  }
}

/**
 * Reads and checks index.json.
 *
 * Errors    ShardError naming the file and the key: no JSON, unknown and missing keys, other values than wanted, counts
 *           and sizes that disagree, a checksum that is not that of the text.
 */
export function parseShardIndex(label: string, json: string): ShardIndex {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    throw new ShardError(label, `not JSON: ${visible(cut((cause as Error).message, 200))}`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new ShardError(label, "wanted an object of a shard index");
  }
  const { version, checksum } = value as { version?: unknown; checksum?: unknown };
  checkKeys(label, "", value, version === 1 ? TOP_OF_1 : TOP);
  const index = value as ShardIndex;
  for (const [i, entry] of index.shards.entries()) {
    checkKeys(label, `shards[${i}].`, entry, ENTRY);
    if (entry.file !== shardFile(i))
      throw new ShardError(label, `shards[${i}].file wants ${shardFile(i)}, is ${entry.file}`);
  }
  const [channels, height, width] = index.shape;
  const total = index.shards.reduce((sum, { count }) => sum + count, 0);
  if (total !== index.length)
    throw new ShardError(label, `its shards hold ${total} images, length says ${index.length}`);
  if (index.view[0] > height || index.view[1] > width) {
    throw new ShardError(label, `view ${index.view.join("x")} is larger than the images, ${height}x${width}`);
  }
  if (index.mean.length !== channels || index.std.length !== channels) {
    throw new ShardError(label, `${channels} channels want as many mean and std`);
  }
  if (version === VERSION) checkSum(label, json, checksum as string);
  return index;
}

/** The checksum of a text in which its own digits are zeros. */
const sumOf = (json: string): string => crc32c(new TextEncoder().encode(json)).toString(16).padStart(8, "0");
const field = (digits: string): string => `"${CHECKSUM}": "${digits}"`;

function checkSum(label: string, json: string, digits: string): void {
  const got = sumOf(json.replace(field(digits), field(ZEROS)));
  if (got !== digits) {
    throw new ShardError(label, `checksum differs: expected ${digits}, got ${got}: the file is damaged or was edited`);
  }
}

/** The text of index.json. */
export function formatShardIndex(index: ShardIndex): string {
  const { name, shape, view, classes, length, mean, std, fingerprint, skipped, shards } = index;
  const fields = { name, shape, view, classes, length, mean, std, fingerprint, skipped, shards };
  const text = `${JSON.stringify({ format: FORMAT, version: VERSION, [CHECKSUM]: ZEROS, ...fields }, null, 1)}\n`;
  return text.replace(field(ZEROS), field(sumOf(text)));
}
