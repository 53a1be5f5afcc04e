// PyTorch's .pt and .pth files: a zip of one pickle and the raw storages it refers to, or the older format without zip.
import { quote, widthOf } from "../array_types.ts";
import { unpackLimit } from "../decompress.ts";
import { KIND_BYTES, kindOf } from "../file_kinds.ts";
import { isSafetensors } from "../safetensors.ts";
import { readZip, ZipError } from "../zip.ts";
import { TorchFileError } from "./error.ts";
import { globalNamed } from "./globals.ts";
import { readLegacy } from "./legacy.ts";
import { readPickle } from "./pickle.ts";
import { PickleOpaque, type PickleValue } from "./pickle_values.ts";
import { storageFrom } from "./storage_id.ts";
import type { TorchStorage } from "./tensor.ts";

/** The saved object: containers, numbers, strings and TorchTensors. Dicts are Maps, tuples frozen arrays. */
export type TorchTree = PickleValue;

const PROTO = 0x80;
const PICKLE = /^(?:([^/]+)\/)?data\.pkl$/;

/** Check for the start of a file of torch.save: a zip archive or a pickle, but not a safetensors file. */
export function isTorchFile(bytes: Uint8Array): boolean {
  if (bytes[0] === 0x50 && bytes[1] === 0x4b && bytes[2] === 3 && bytes[3] === 4) return true;
  // A safetensors header of 128 bytes starts with the same byte.
  return bytes[0] === PROTO && !isSafetensors(bytes);
}

/**
 * Read a file of `torch.save` without running code from it. See stateDictOf for the arrays by name.
 *
 * Tensors are checked here and read later. Their elements are views of `bytes` if possible: do not change `bytes`.
 * Protocols 2 to 5 are supported, in PyTorch's zip format (since 1.6) and the format before it.
 *
 * Options   maxBytes: limit of what a zip archive may unpack to, default 64 MiB or 64 times its size if that is more,
 *           at most 1 GiB, or its size if that is more.
 * Errors    TorchFileError, one line with the file and the fault: any name but those of globals.ts (by that name),
 *           other opcodes, truncated or corrupt data, tensors that reach beyond their storage, other formats.
 * Source    torch/serialization.py and torch/_utils.py of PyTorch, which write these files.
 */
export async function readTorchFile(
  bytes: Uint8Array,
  name = "torch file",
  { maxBytes = Math.max(unpackLimit(bytes.length), bytes.length) }: { maxBytes?: number } = {},
): Promise<TorchTree> {
  const error = (problem: string) => new TorchFileError(name, problem);
  if (!isTorchFile(bytes)) {
    const kind = kindOf(bytes.subarray(0, KIND_BYTES), name);
    const seen = `neither a zip archive nor a pickle${kind ? `: this is ${kind}` : ""}`;
    throw error(`not a file of torch.save: ${bytes.length === 0 ? "it is empty" : seen}`);
  }
  if (bytes[0] === PROTO) return readLegacy(bytes, error);
  let files: Map<string, Uint8Array>;
  try {
    files = await readZip(bytes, name, { maxBytes });
  } catch (cause) {
    if (!(cause instanceof ZipError)) throw cause;
    throw error(`byte ${cause.offset}: ${cause.problem}`);
  }
  return readArchive(files, error);
}

/** Return the kind of a zip archive that torch.save did not write. */
function zipOf(names: readonly string[]): string {
  const some = (test: (name: string) => boolean) => names.some(test);
  if (names.length > 0 && names.every((name) => name.endsWith(".npy")))
    return "a NumPy archive (.npz), not one of torch.save";
  if (some((name) => name === "model.weights.h5")) return "a Keras archive, not one of torch.save";
  const inner = names.find((name) => /\.(safetensors|pth?|bin|ckpt)$/.test(name));
  if (inner !== undefined) return `a zip archive of ${quote(inner)}, which has to be unpacked first`;
  return "a zip archive, but not one of torch.save";
}

function readArchive(files: ReadonlyMap<string, Uint8Array>, error: (problem: string) => TorchFileError): TorchTree {
  const pickles = [...files.keys()].filter((path) => PICKLE.test(path));
  const [path] = pickles;
  if (path === undefined) throw error(`${zipOf([...files.keys()])}: it has no data.pkl`);
  if (pickles.length > 1) throw error(`expected one file named data.pkl, got ${pickles.length}`);
  const folder = path.slice(0, -"data.pkl".length);
  const order = files.get(`${folder}byteorder`);
  if (order && new TextDecoder().decode(order) !== "little")
    throw error("expected little-endian numbers, got big-endian ones");
  const bytes = files.get(path)!;
  const storages = new Map<string, TorchStorage>();
  const { value, next } = readPickle(bytes, 0, {
    global: globalNamed,
    persistent(id, fail) {
      const storage = storageFrom(id, fail);
      if (storage instanceof PickleOpaque) return storage;
      const known = storages.get(storage.key);
      if (known) {
        if (known.dtype === storage.dtype && known.length === storage.length) return known;
        return fail(`${known.what} has two descriptions that differ`);
      }
      const data = files.get(`${folder}data/${storage.key}`);
      if (!data)
        return fail(`${storage.what} is missing: the archive has no file ${quote(`${folder}data/${storage.key}`)}`);
      const size = storage.length * widthOf(storage.dtype);
      if (data.length !== size) {
        fail(`${storage.what}: expected ${size} bytes for ${storage.length} elements, got ${data.length}`);
      }
      storage.bytes = data;
      storages.set(storage.key, storage);
      return storage;
    },
    refuse(problem) {
      throw error(`data.pkl ${problem}`);
    },
  });
  if (next !== bytes.length) throw error(`data.pkl has ${bytes.length - next} bytes too many after its end`);
  return value;
}
