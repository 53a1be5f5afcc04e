// Persistent ids, which refer to a storage in a pickle of PyTorch: ("storage", type, key, device, length).
import { describeValue, PickleGlobal, PickleOpaque, type PickleValue } from "./pickle_values.ts";
import { storageDtypes, TorchStorage } from "./tensor.ts";

/**
 * Make the storage of an id, still without bytes; its length is not yet checked. An unknown type, such as complex
 * numbers, makes a placeholder.
 */
export function storageFrom(id: PickleValue, fail: (problem: string) => never): TorchStorage | PickleOpaque {
  if (!Array.isArray(id)) return fail(`expected the id of a storage, got ${describeValue(id)}`);
  const [kind, type, key, location, length, view] = id as readonly PickleValue[];
  if (kind === "module")
    fail("a module is not allowed in a weights file: it holds a whole model, save model.state_dict()");
  if (kind !== "storage") fail(`expected the id of a storage, got one of ${describeValue(kind)}`);
  if (typeof key !== "string") return fail(`key of a storage: expected a string, got ${describeValue(key)}`);
  if (type instanceof PickleGlobal && type.refusal !== null) return new PickleOpaque(type.path, type.refusal);
  const dtype = type instanceof PickleGlobal ? storageDtypes.get(type.path) : undefined;
  if (!dtype)
    return fail(
      `storage "${key}": type: expected one of ${[...storageDtypes.keys()].join(", ")}, got ${describeValue(type)}`,
    );
  if (typeof length !== "number" || !Number.isSafeInteger(length) || length < 0)
    return fail(`storage "${key}": length: expected an integer >= 0, got ${describeValue(length)}`);
  if (typeof location !== "string")
    fail(`storage "${key}": location: expected a device, got ${describeValue(location)}`);
  if (location === "meta") fail(`storage "${key}" is of the meta device, which has no values`);
  if (id.length > 6) fail(`the id of storage "${key}": expected 5 or 6 parts, got ${id.length}`);
  if (view !== undefined && view !== null) fail(`storage "${key}" is a view of another, which is not supported`);
  return new TorchStorage(key, dtype, length);
}
