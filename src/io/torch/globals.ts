// The names that a weights file may use, and the values they make. An unknown name makes a placeholder, which is
// refused in the position of a weight. Names that run commands or load code are refused as they are read.
import { quote } from "../array_types.ts";
import { describeValue, type PickleCall, PickleGlobal, type PickleValue } from "./pickle_values.ts";
import {
  rebuildFromCpu,
  rebuildFromType,
  rebuildParameter,
  rebuildParameterWithState,
  rebuildTensor1,
  rebuildTensor2,
  rebuildTensor3,
} from "./rebuild.ts";
import { storageDtypes, tensorDtypes } from "./tensor.ts";

type Maker = (call: PickleCall) => PickleValue;

/** torch.device("cuda", 0) and similar: kept as text. */
const device: Maker = ({ args, fail }) => {
  const [kind, index = null] = args;
  if (typeof kind !== "string" || !/^[a-z]{1,20}(:\d{1,4})?$/.test(kind) || args.length > 2)
    return fail(`torch.device: expected a name, got ${describeValue(kind)}`);
  if (index === null) return kind;
  return typeof index === "number" ? `${kind}:${index}` : fail("torch.device: expected a number after its name");
};

/** Return the only argument of set() and torch.Size(), a list. */
const listOf = (what: string, { args, spend, fail }: PickleCall): readonly PickleValue[] => {
  const [list = []] = args;
  if (!Array.isArray(list) || args.length > 1) return fail(`${what}: expected a list, got ${describeValue(list)}`);
  spend(list.length);
  return list;
};

const orderedDict: Maker = (call) => {
  const dict = new Map<PickleValue, PickleValue>();
  for (const pair of listOf("OrderedDict", call)) {
    if (!Array.isArray(pair) || pair.length !== 2) return call.fail("OrderedDict: expected pairs of key and value");
    dict.set(pair[0] as PickleValue, pair[1] as PickleValue);
  }
  return dict;
};

/** collections.Counter({...}): a dict of numbers. */
const counter: Maker = ({ args, spend, fail }) => {
  const [counts = new Map<PickleValue, PickleValue>()] = args;
  if (!(counts instanceof Map) || args.length > 1)
    return fail(`Counter: expected a dict, got ${describeValue(counts)}`);
  spend(counts.size);
  return new Map(counts);
};

/** collections.defaultdict(factory): a dict that is filled later. The factory is a name and is never called. */
const defaultDict: Maker = ({ args, fail }) => {
  const [factory = null] = args;
  if ((factory !== null && !(factory instanceof PickleGlobal)) || args.length > 1)
    return fail(`defaultdict: expected a name or None, got ${describeValue(factory)}`);
  return new Map();
};

const set: Maker = (call) => new Set(listOf("set", call));

const callable: readonly (readonly [string, Maker])[] = [
  ["collections.OrderedDict", orderedDict],
  ["collections.Counter", counter],
  ["collections.defaultdict", defaultDict],
  ["builtins.set", set],
  ["__builtin__.set", set],
  ["builtins.frozenset", set],
  ["__builtin__.frozenset", set],
  ["torch._utils._rebuild_tensor", rebuildTensor1],
  ["torch._utils._rebuild_tensor_v2", rebuildTensor2],
  ["torch._utils._rebuild_tensor_v3", rebuildTensor3],
  ["torch._utils._rebuild_parameter", rebuildParameter],
  ["torch._utils._rebuild_parameter_with_state", rebuildParameterWithState],
  ["torch._utils._rebuild_device_tensor_from_cpu_tensor", rebuildFromCpu],
  ["torch._tensor._rebuild_from_type_v2", rebuildFromType],
  ["torch.Size", (call) => Object.freeze([...listOf("torch.Size", call)])],
  ["torch.device", device],
];

const names = [
  ...storageDtypes.keys(),
  "torch.storage.TypedStorage",
  "torch.TypedStorage",
  ...tensorDtypes.keys(),
  ..."double float half long int short".split(" ").map((name) => `torch.${name}`),
  // Unsupported dtypes: a tensor of one is refused in the position of a weight.
  ..."complex32 complex64 complex128 float4_e2m1fn_x2 qint8 quint8 qint32 quint4x2 quint2x4"
    .split(" ")
    .map((name) => `torch.${name}`),
  ..."Tensor _tensor.Tensor nn.parameter.Parameter nn.Parameter nn.parameter.Buffer nn.Buffer"
    .split(" ")
    .map((name) => `torch.${name}`),
];

const allowed: ReadonlyMap<string, PickleGlobal> = new Map(
  [...callable.map(([path, call]) => new PickleGlobal(path, call)), ...names.map((path) => new PickleGlobal(path))].map(
    (entry) => [entry.path, entry],
  ),
);

/** All known names, for the documentation and its test. */
export const allowedGlobals: readonly string[] = [...allowed.keys()];

/** Advice for an unknown name; the first match counts. */
const advice: readonly (readonly [RegExp, string])[] = [
  [/^torch\._utils\._rebuild_sparse/, "sparse tensors are not supported, save tensor.to_dense()"],
  [
    /^torch\._utils\._rebuild_nested/,
    "nested tensors are not supported, save torch.nested.to_padded_tensor(tensor, 0)",
  ],
  [/^torch\._utils\._rebuild_meta/, "meta tensors have no values: save a tensor of the CPU"],
  [/^torch\._utils\._rebuild_wrapper_subclass/, "tensors of other classes are not supported, save plain ones"],
  [/^torch\._utils\._rebuild_(device_tensor_from_numpy|xla|hpu)/, "a tensor of another device: save tensor.cpu()"],
  [/^torch\._utils\._rebuild_q|^torch\.Q\w+Storage$/, "quantized tensors are not supported, save tensor.dequantize()"],
  [/^torch\.Complex\w+Storage$/, "complex tensors are not supported, save torch.view_as_real(tensor)"],
  [/^numpy\b|^_codecs\./, "NumPy objects and bytes are not supported, save plain numbers or tensors"],
  [/^torch\.nn\.|^torchvision\.models\b|^timm\./, "the file holds a whole model, save model.state_dict()"],
  [/^__torch__\b|^torch\.jit\b/, "the file holds TorchScript, save model.state_dict()"],
  [/^torch\b/, "only dense tensors in plain containers are supported, save model.state_dict()"],
];

/** Modules that a weights file can only name in order to run something; their submodules too. */
const HARMFUL_MODULES: ReadonlySet<string> = new Set(
  `os posix nt ntpath posixpath sys subprocess commands popen2 shutil socket ssl pty platform runpy importlib imp pkgutil
  zipimport code codeop ctypes _ctypes cffi pickle _pickle cPickle dill cloudpickle joblib marshal shelve webbrowser timeit
  trace pdb bdb profile cProfile doctest pydoc pip ensurepip venv signal multiprocessing asyncio urllib.request urllib2
  requests ftplib smtplib telnetlib httplib operator _operator types inspect gc ast builtins __builtin__ io _io tempfile
  fileinput linecache mmap distutils setuptools idlelib lib2to3 torch.hub torch.jit torch.package torch.ops
  torch.serialization torch.utils.cpp_extension torch._dynamo torch._inductor torch.distributed.rpc numpy.testing numpy.f2py
  numpy.distutils numpy.ctypeslib`.split(/\s+/),
);

/** Harmless names of those modules and of others that load files. */
const HARMLESS: ReadonlySet<string> = new Set([
  ...["builtins", "__builtin__"].flatMap((module) =>
    "object complex bytearray bytes slice range list dict tuple int long float str unicode bool"
      .split(" ")
      .map((name) => `${module}.${name}`),
  ),
  "torch.serialization._get_layout",
  "types.SimpleNamespace",
  ...["io", "_io"].flatMap((module) => [`${module}.BytesIO`, `${module}.StringIO`]),
]);
const HARMFUL_NAMES =
  /^(torch|numpy)\.(\w+\.)*_?(load|loads|save|savez|load_\w+|fromfile|memmap|compile|import_\w+|_load_from_bytes)$/;

/** Dotted identifiers of Python, none of them an inner name of the language. */
const IDENTIFIERS = /^[^\W\d]\w*(\.[^\W\d]\w*)+$/u;
const isInner = (name: string) => /^__\w+__$/.test(name);

function isHarmful(path: string): boolean {
  if (HARMLESS.has(path)) return false;
  if (!IDENTIFIERS.test(path) || path.length > 400) return true;
  const parts = path.split(".");
  const own = parts[0] === "__main__" || parts[0] === "__mp_main__" ? parts.slice(1) : parts;
  if (own.some(isInner) || HARMFUL_NAMES.test(path)) return true;
  return parts.some((_, i) => HARMFUL_MODULES.has(parts.slice(0, i).join(".")));
}

/**
 * Return the global of this name: a known one, or one that makes only a placeholder. Fails with the name if the name
 * alone shows that the file is malicious.
 */
export function globalNamed(path: string, fail: (problem: string) => never): PickleGlobal {
  const found = allowed.get(path);
  if (found) return found;
  const hint =
    advice.find(([pattern]) => pattern.test(path))?.[1] ?? "loading it could run code; save model.state_dict()";
  const name = /^[\w.]{1,80}$/.test(path) ? path : quote(path);
  const refusal = `${name} is not allowed in a weights file: ${hint}`;
  return isHarmful(path) ? fail(refusal) : new PickleGlobal(path, null, refusal);
}
