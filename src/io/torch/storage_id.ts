// Persistent ids: how the pickle of a PyTorch file refers to a storage, ("storage", type, key, device, length).
import { describeValue, PickleGlobal, type PickleValue } from "./pickle.ts";
import { storageDtypes, TorchStorage } from "./tensor.ts";

/** The storage that an id describes, still without bytes; its length is not yet compared to anything. */
export function storageFrom(id: PickleValue, fail: (problem: string) => never): TorchStorage {
  if (!Array.isArray(id)) return fail(`wants the id of a storage, has ${describeValue(id)}`);
  const [kind, type, key, , length, view] = id as readonly PickleValue[];
  if (kind === "module")
    fail("a module is not allowed in a weights file: it holds a whole model, save model.state_dict()");
  if (kind !== "storage") fail(`wants the id of a storage, has one of ${describeValue(kind)}`);
  if (typeof key !== "string") return fail(`a storage's key is ${describeValue(key)}, wanted a string`);
  const dtype = type instanceof PickleGlobal ? storageDtypes.get(type.path) : undefined;
  if (!dtype)
    return fail(`storage "${key}" is of type ${describeValue(type)}, read are ${[...storageDtypes.keys()].join(", ")}`);
  if (typeof length !== "number" || !Number.isSafeInteger(length) || length < 0) {
    return fail(`storage "${key}" has length ${describeValue(length)}, wanted a whole number of at least 0`);
  }
  if (view !== undefined && view !== null) fail(`storage "${key}" is a view of another, which is not read`);
  return new TorchStorage(key, dtype, length);
}
