// Pickles built by hand, and the files of make.py, for tests of their readers.
import { readFileSync } from "node:fs";
import { expect } from "vitest";
import { type FileArray, readTorchFile, TorchFileError, type TorchTree, toFloat32 } from "../../../src/io/index.ts";
import { writeZip } from "../../../src/io/zip.ts";

export const fixture = (name: string) => new Uint8Array(readFileSync(new URL(`./${name}.pt`, import.meta.url)));

/** Make bytes of letters, numbers and lists of them. */
export function bytesOf(...parts: readonly (string | number | Uint8Array | readonly number[])[]): Uint8Array {
  const runs = parts.map((part) => {
    if (typeof part === "string") return new TextEncoder().encode(part);
    return typeof part === "number" ? Uint8Array.of(part) : Uint8Array.from(part);
  });
  const out = new Uint8Array(runs.reduce((sum, run) => sum + run.length, 0));
  let at = 0;
  for (const run of runs) {
    out.set(run, at);
    at += run.length;
  }
  return out;
}

export const u32 = (value: number) => [value & 255, (value >>> 8) & 255, (value >>> 16) & 255, value >>> 24];
/** A string. */
export const str = (text: string) => {
  const utf8 = new TextEncoder().encode(text);
  return bytesOf("X", u32(utf8.length), utf8);
};
/** Make an integer. */
export const int = (value: number) => bytesOf("J", u32(value));
export const global = (module: string, name: string) => bytesOf("c", module, 10, name, 10);
/** Make a tuple of the items. */
export const tuple = (...parts: readonly Uint8Array[]) => bytesOf("(", ...parts, "t");

export interface TensorParts {
  readonly type?: string;
  readonly key?: string;
  readonly length?: number;
  readonly offset?: Uint8Array;
  readonly size?: Uint8Array;
  readonly stride?: Uint8Array;
}

/** Make a tensor; default: [2] of storage "0" with two floats. */
export function tensor({
  type = "FloatStorage",
  key = "0",
  length = 2,
  offset = int(0),
  size = tuple(int(2)),
  stride = tuple(int(1)),
}: TensorParts = {}): Uint8Array {
  const id = tuple(str("storage"), global("torch", type), str(key), str("cpu"), int(length));
  const hooks = bytesOf(global("collections", "OrderedDict"), ")R");
  const args = tuple(bytesOf(id, "Q"), offset, size, stride, bytesOf(0x89), hooks);
  return bytesOf(global("torch._utils", "_rebuild_tensor_v2"), args, "R");
}

/** A dict of one entry. */
export const dictOf = (key: string, value: Uint8Array) => bytesOf("}", str(key), value, "s");
/** Add the first and last bytes of a pickle. */
export const pickle = (...parts: readonly (string | number | Uint8Array)[]) => bytesOf(0x80, 2, ...parts, ".");

/** Make a zip archive as torch.save does, of this pickle and one storage "0" of two floats. */
export function archive(data: Uint8Array, storages: Record<string, Uint8Array> = { 0: new Uint8Array(8) }): Uint8Array {
  const files = Object.entries(storages).map(([key, bytes]) => [`archive/data/${key}`, bytes] as const);
  return writeZip(new Map([["archive/data.pkl", data], ...files]));
}

/** Return the error line of reading these bytes. */
export async function refusal(bytes: Uint8Array, read = (b: Uint8Array): Promise<unknown> => readTorchFile(b, "f.pt")) {
  const error = await read(bytes).then(
    () => new Error("it was read"),
    (cause: unknown) => cause,
  );
  expect(error).toBeInstanceOf(TorchFileError);
  expect((error as Error).message).toMatch(/^f\.pt: [^\r\n]+$/);
  return (error as TorchFileError).problem;
}

/** An entry of a dict. */
export const at = (tree: TorchTree, key: string): TorchTree => {
  expect(tree).toBeInstanceOf(Map);
  return (tree as Map<TorchTree, TorchTree>).get(key) as TorchTree;
};

export const numbers = (array: FileArray | undefined) => [...toFloat32(array!)];

export { values } from "./values.ts";
