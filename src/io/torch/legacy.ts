// PyTorch's format before version 1.6: five pickles, then the storages.
import { quote } from "../array_types.ts";
import type { TorchFileError } from "./error.ts";
import { globalNamed } from "./globals.ts";
import { readPickle } from "./pickle.ts";
import type { PickleHost } from "./pickle_machine.ts";
import { describeValue, PickleOpaque, type PickleValue } from "./pickle_values.ts";
import { storageFrom } from "./storage_id.ts";
import type { TorchStorage } from "./tensor.ts";

/** Number in the first pickle. */
const MAGIC = 0x1950a86a20f9469cfc6cn;
const PROTOCOL = 1001;

/**
 * Read the tree of a file that torch.save wrote without zip.
 *
 * Errors    TorchFileError, through `error`: a wrong first number, protocol or byte order; storages that are missing,
 *           truncated or of another size than their tensors say; bytes after the last one.
 */
export function readLegacy(bytes: Uint8Array, error: (problem: string) => TorchFileError): PickleValue {
  const storages = new Map<string, TorchStorage>();
  const host = (part: string): PickleHost => ({
    global: globalNamed,
    persistent(id, fail) {
      const storage = storageFrom(id, fail);
      // Storages are consecutive: one of unknown size hides the start of the next.
      if (storage instanceof PickleOpaque) return fail(storage.refusal);
      const known = storages.get(storage.key);
      if (!known) {
        storages.set(storage.key, storage);
        return storage;
      }
      if (known.dtype !== storage.dtype || known.length !== storage.length)
        fail(`${known.what} has two descriptions that differ`);
      return known;
    },
    refuse(problem) {
      throw error(`${part}${problem}`);
    },
  });
  let at = 0;
  const next = (part: string): PickleValue => {
    const { value, next } = readPickle(bytes, at, host(part));
    at = next;
    return value;
  };

  if (next("") !== MAGIC) throw error("a pickle, but not one that torch.save wrote");
  const protocol = next("protocol, ");
  if (protocol !== PROTOCOL) throw error(`expected protocol ${PROTOCOL}, got ${describeValue(protocol)}`);
  const system = next("system, ");
  if (!(system instanceof Map)) throw error("its record of the system is not a dict");
  if (system.get("little_endian") !== true) throw error("its numbers are big-endian, only little-endian ones are read");
  const tree = next("");
  const keys = next("keys of storages, ");
  if (!Array.isArray(keys)) throw error("its keys of storages are not a list");

  readStorages({ bytes, at }, keys, storages, error);
  return tree;
}

/** Read the storages, which follow the last pickle from `at` on, in the order of `keys`. */
function readStorages(
  { bytes, at: start }: { readonly bytes: Uint8Array; readonly at: number },
  keys: readonly PickleValue[],
  storages: ReadonlyMap<string, TorchStorage>,
  error: (problem: string) => TorchFileError,
): void {
  let at = start;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const missing = new Set(storages.keys());
  for (const key of keys) {
    const storage = typeof key === "string" ? storages.get(key) : undefined;
    if (!storage || !missing.delete(storage.key))
      throw error(`byte ${at}: a storage that no tensor has, or a second one: ${describeValue(key)}`);
    if (bytes.length - at < 8) throw error(`truncated: ${storage.what} is missing`);
    const length = view.getBigInt64(at, true);
    if (length !== BigInt(storage.length)) {
      const problem = `byte ${at}: ${storage.what}: expected ${storage.length} elements, as its tensors say, got ${length}`;
      throw error(problem);
    }
    at += 8;
    const size = storage.byteLength;
    if (size > bytes.length - at)
      throw error(`truncated: ${storage.what}: expected ${size} bytes from ${at}, got ${bytes.length - at}`);
    storage.bytes = bytes.subarray(at, at + size);
    at += size;
  }
  const [left] = missing;
  if (left !== undefined) throw error(`storage ${quote(left)} is missing`);
  if (at !== bytes.length) throw error(`${bytes.length - at} bytes too many after the last storage`);
}
