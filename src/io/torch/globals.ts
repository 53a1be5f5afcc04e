// The names that a weights file may use, and what each makes. A name that is not here is refused as it is read.
import { quote } from "../array_types.ts";
import { describeValue, type PickleCall, PickleGlobal, type PickleValue } from "./pickle.ts";
import { rebuildTensor, storageDtypes, TorchTensor } from "./tensor.ts";

type Maker = (call: PickleCall) => PickleValue;

/** torch.device("cuda", 0) and the like: kept as text. */
const device: Maker = ({ args, fail }) => {
  const [kind, index = null] = args;
  if (typeof kind !== "string" || !/^[a-z]{1,20}(:\d{1,4})?$/.test(kind) || args.length > 2) {
    return fail(`torch.device wants a name, has ${describeValue(kind)}`);
  }
  if (index === null) return kind;
  return typeof index === "number" ? `${kind}:${index}` : fail("torch.device wants a number after its name");
};

/** The one list that set() and torch.Size() are called with. */
const listOf = (what: string, { args, spend, fail }: PickleCall): readonly PickleValue[] => {
  const [list = []] = args;
  if (!Array.isArray(list) || args.length > 1) return fail(`${what} wants a list, has ${describeValue(list)}`);
  spend(list.length);
  return list;
};

const orderedDict: Maker = (call) => {
  const dict = new Map<PickleValue, PickleValue>();
  for (const pair of listOf("OrderedDict", call)) {
    if (!Array.isArray(pair) || pair.length !== 2) return call.fail("OrderedDict wants pairs of key and value");
    dict.set(pair[0] as PickleValue, pair[1] as PickleValue);
  }
  return dict;
};

const parameter: Maker = ({ args, fail }) => {
  const [data] = args;
  return data instanceof TorchTensor ? data : fail(`a Parameter wants a tensor, has ${describeValue(data)}`);
};

const set: Maker = (call) => new Set(listOf("set", call));

const callable: readonly (readonly [string, Maker])[] = [
  ["collections.OrderedDict", orderedDict],
  ["builtins.set", set],
  ["__builtin__.set", set],
  ["builtins.frozenset", set],
  ["__builtin__.frozenset", set],
  ["torch._utils._rebuild_tensor", rebuildTensor],
  ["torch._utils._rebuild_tensor_v2", rebuildTensor],
  ["torch._utils._rebuild_parameter", parameter],
  ["torch.Size", (call) => Object.freeze([...listOf("torch.Size", call)])],
  ["torch.device", device],
];

const dtypes =
  "float32 float64 float16 bfloat16 float double half int64 int32 int16 int8 uint8 long int short bool complex64 complex128";

const allowed: ReadonlyMap<string, PickleGlobal> = new Map(
  [
    ...callable.map(([path, call]) => new PickleGlobal(path, call)),
    ...[...storageDtypes.keys()].map((path) => new PickleGlobal(path)),
    ...["torch.storage.TypedStorage", "torch.TypedStorage"].map((path) => new PickleGlobal(path)),
    ...dtypes.split(" ").map((name) => new PickleGlobal(`torch.${name}`)),
  ].map((entry) => [entry.path, entry]),
);

/** All names, for the documentation and its test. */
export const allowedGlobals: readonly string[] = [...allowed.keys()];

/** What to do about a refused name; the first that fits. */
const advice: readonly (readonly [RegExp, string])[] = [
  [/^torch\._utils\._rebuild_sparse/, "sparse tensors are not read, save tensor.to_dense()"],
  [/^torch\._utils\._rebuild_q|^torch\.Q\w+Storage$/, "quantized tensors are not read, save tensor.dequantize()"],
  [/^torch\.Complex\w+Storage$/, "complex tensors are not read, save torch.view_as_real(tensor)"],
  [/^numpy\b|^_codecs\./, "NumPy objects and bytes are not read, save plain numbers or tensors"],
  [/^torch\.nn\.|^torchvision\.models\b|^timm\./, "the file holds a whole model, save model.state_dict()"],
  [/^__torch__\b|^torch\.jit\b/, "the file holds TorchScript, save model.state_dict()"],
  [/^torch\b/, "only dense tensors in plain containers are read, save model.state_dict()"],
];

/** The allowed global of this name; else fails with the name. */
export function globalNamed(path: string, fail: (problem: string) => never): PickleGlobal {
  const found = allowed.get(path);
  if (found) return found;
  const hint =
    advice.find(([pattern]) => pattern.test(path))?.[1] ?? "loading it could run code; save model.state_dict()";
  const name = /^[\w.]{1,80}$/.test(path) ? path : quote(path);
  return fail(`${name} is not allowed in a weights file: ${hint}`);
}
