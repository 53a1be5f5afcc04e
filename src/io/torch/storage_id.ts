// Persistent ids: how the pickle of a PyTorch file refers to a storage, ("storage", type, key, device, length).
import { describeValue, PickleGlobal, PickleOpaque, type PickleValue } from "./pickle_values.ts";
import { storageDtypes, TorchStorage } from "./tensor.ts";

/**
 * The storage that an id describes, still without bytes; its length is not yet compared to anything. Of a type that is not
 * known, such as complex numbers, what stands for it.
 */
export function storageFrom(id: PickleValue, fail: (problem: string) => never): TorchStorage | PickleOpaque {
  if (!Array.isArray(id)) return fail(`wants the id of a storage, has ${describeValue(id)}`);
  const [kind, type, key, location, length, view] = id as readonly PickleValue[];
  if (kind === "module")
    fail("a module is not allowed in a weights file: it holds a whole model, save model.state_dict()");
  if (kind !== "storage") fail(`wants the id of a storage, has one of ${describeValue(kind)}`);
  if (typeof key !== "string") return fail(`a storage's key is ${describeValue(key)}, wanted a string`);
  if (type instanceof PickleGlobal && type.refusal !== null) return new PickleOpaque(type.path, type.refusal);
  const dtype = type instanceof PickleGlobal ? storageDtypes.get(type.path) : undefined;
  if (!dtype)
    return fail(`storage "${key}" is of type ${describeValue(type)}, read are ${[...storageDtypes.keys()].join(", ")}`);
  if (typeof length !== "number" || !Number.isSafeInteger(length) || length < 0) {
    return fail(`storage "${key}" has length ${describeValue(length)}, wanted a whole number of at least 0`);
  }
  if (typeof location !== "string") fail(`storage "${key}" has location ${describeValue(location)}, expected a device`);
  if (location === "meta") fail(`storage "${key}" is of the meta device, which has no values`);
  if (id.length > 6) fail(`the id of storage "${key}" has ${id.length} parts, expected 5 or 6`);
  if (view !== undefined && view !== null) fail(`storage "${key}" is a view of another, which is not read`);
  return new TorchStorage(key, dtype, length);
}
