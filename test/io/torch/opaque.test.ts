// Objects of unknown classes: nothing is called or retained, and they are refused only in the position of a weight.
import { describe, expect, test } from "vitest";
import { PickleOpaque, readTorchFile, readWeights, stateDictOf, TorchTensor } from "../../../src/io/index.ts";
import { archive, at, bytesOf, dictOf, global, int, pickle, refusal, str, tensor, tuple } from "./pickles.ts";

const read = (value: Uint8Array) => readTorchFile(archive(pickle(value)), "f.pt");
const entries = (...parts: readonly Uint8Array[]) => bytesOf("}(", ...parts, "u");
const state = bytesOf(str("state_dict"), dictOf("w", tensor()));
const stateOf = async (bytes: Uint8Array) => stateDictOf(await readTorchFile(bytes, "f.pt"), { name: "f.pt" });

const attributes = dictOf("lr", int(1));
const objects: readonly (readonly [string, Uint8Array])[] = [
  ["argparse.Namespace", bytesOf(global("argparse", "Namespace"), ")", 0x81, attributes, "b")],
  ["a class of the script", bytesOf(global("__main__", "Config"), ")", 0x81, attributes, "b")],
  ["a class with keywords", bytesOf(global("my.project", "Config"), ")}", 0x92)],
  [
    "numpy 1 scalar",
    bytesOf(
      global("numpy.core.multiarray", "scalar"),
      global("numpy", "dtype"),
      str("f8"),
      0x85,
      "R",
      "C",
      1,
      0,
      0x86,
      "R",
    ),
  ],
  [
    "numpy 2 scalar",
    bytesOf(
      global("numpy._core.multiarray", "scalar"),
      global("numpy", "dtype"),
      str("f8"),
      0x85,
      "R",
      "C",
      1,
      0,
      0x86,
      "R",
    ),
  ],
  ["bytes by codecs", bytesOf(global("_codecs", "encode"), str("a"), str("latin1"), 0x86, "R")],
  ["pathlib.PosixPath", bytesOf(global("pathlib", "PosixPath"), str("/"), 0x85, "R")],
  ["datetime", bytesOf(global("datetime", "datetime"), "C", 2, 1, 2, 0x85, "R")],
  ["an enum", bytesOf(global("my.enums", "Mode"), int(1), 0x85, "R")],
  ["a deque", bytesOf(global("collections", "deque"), ")R", int(1), "a")],
  ["a list subclass", bytesOf(global("yacs", "List"), ")", 0x81, "(", int(1), "e")],
  [
    "a dict subclass",
    bytesOf(global("yacs.config", "CfgNode"), ")", 0x81, "(", str("a"), int(1), "u", attributes, "b"),
  ],
  ["a partial", bytesOf(global("functools", "partial"), global("torch.nn", "GELU"), 0x85, "R", "}b")],
  ["an optimiser", bytesOf(global("torch.optim.sgd", "SGD"), ")", 0x81, dictOf("state", bytesOf("}")), "b")],
  ["a sparse tensor", bytesOf(global("torch._utils", "_rebuild_sparse_tensor"), ")R")],
  ["a complex tensor", tensor({ type: "ComplexFloatStorage" })],
];

describe.each(objects)("%s", (_, object) => {
  test("is skipped beside the weights", async () => {
    const tree = await read(entries(state, str("extra"), object, str("epoch"), int(3)));
    expect(at(tree, "extra")).toBeInstanceOf(PickleOpaque);
    expect(at(tree, "epoch")).toBe(3);
    expect([...stateDictOf(tree).arrays.keys()]).toEqual(["w"]);
  });

  test("is refused by name in the position of a weight", async () => {
    const words = /^"v": .* is not allowed in a weights file: /;
    expect(await refusal(archive(pickle(entries(str("w"), tensor(), str("v"), object))), stateOf)).toMatch(words);
    const fit = () => ({ loaded: 1, trouble: 0 });
    const taken = async (bytes: Uint8Array) => readWeights(bytes, "f.pt", { fit });
    const bytes = archive(pickle(entries(str("w"), tensor(), str("v"), object)));
    expect(await refusal(bytes, taken)).toMatch(/; --allow-unexpected v leaves it out$/);
    const { weights } = await readWeights(bytes, "f.pt", { fit, mayLack: (name) => name === "v" });
    expect([...weights.keys()]).toEqual(["w"]);
  });
});

test("skips a NumPy number of Python 2, whose bytes are a str that is no text", async () => {
  const scalar = bytesOf(global("numpy.core.multiarray", "scalar"), str("f8"), "U", 2, 0xff, 0x80, 0x86, "R");
  expect([...stateDictOf(await read(entries(state, str("best"), scalar))).arrays.keys()]).toEqual(["w"]);
});

test("reads dict classes of the standard library as dicts", async () => {
  const tree = await read(
    entries(
      str("counter"),
      bytesOf(global("collections", "Counter"), dictOf("a", int(2)), 0x85, "R"),
      str("default"),
      bytesOf(global("collections", "defaultdict"), global("builtins", "list"), 0x85, "R", "(", str("k"), int(7), "u"),
    ),
  );
  expect(at(tree, "counter")).toEqual(new Map([["a", 2]]));
  expect(at(tree, "default")).toEqual(new Map([["k", 7]]));
  const bad = (value: Uint8Array) => refusal(archive(pickle(value)));
  expect(await bad(bytesOf(global("collections", "Counter"), int(1), 0x85, "R"))).toContain(
    "Counter: expected a dict, got 1",
  );
  expect(await bad(bytesOf(global("collections", "defaultdict"), int(1), 0x85, "R"))).toContain(
    "defaultdict: expected a name or None, got 1",
  );
});

test("refuses a whole model with advice", async () => {
  const model = bytesOf(global("__main__", "Net"), ")", 0x81, attributes, "b");
  expect(await refusal(archive(pickle(model)), stateOf)).toContain("__main__.Net is not allowed in a weights file");
  const torch = bytesOf(global("torch.nn.modules.container", "Sequential"), ")", 0x81, attributes, "b");
  expect(await refusal(archive(pickle(dictOf("model", torch))), stateOf)).toBe(
    '"model": torch.nn.modules.container.Sequential is not allowed in a weights file: the file holds a whole model, save model.state_dict()',
  );
});

test.each([
  ["os", "system"],
  ["nt", "system"],
  ["subprocess", "run"],
  ["builtins", "exec"],
  ["builtins", "__import__"],
  ["runpy", "_run_code"],
  ["shutil", "rmtree"],
  ["operator", "methodcaller"],
  ["torch.serialization", "load"],
  ["torch.utils.cpp_extension", "load_inline"],
  ["__main__", "__builtins__.eval"],
  ["my.module", "f.__globals__"],
])("refuses %s.%s in any position", async (module, name) => {
  const call = bytesOf(global(module, name), str("x"), 0x85, "R");
  expect(await refusal(archive(pickle(entries(state, str("extra"), call))))).toContain(
    `${module}.${name} is not allowed in a weights file`,
  );
});

const id = tuple(str("storage"), global("torch", "FloatStorage"), str("0"), str("cpu"), int(2));
const bytesId = tuple(str("storage"), global("torch.storage", "UntypedStorage"), str("0"), str("cpu"), int(8));
const hooks = bytesOf(global("collections", "OrderedDict"), ")R");
const window = (storage: Uint8Array, size = 2) => [bytesOf(storage, "Q"), int(0), tuple(int(size)), tuple(int(1))];
const call = (name: string, ...args: readonly Uint8Array[]) =>
  bytesOf(global(name.startsWith("_rebuild_from") ? "torch._tensor" : "torch._utils", name), tuple(...args), "R");
const yes = bytesOf(0x88);
const no = bytesOf(0x89);
const bits = (key: string, value = yes) => dictOf(key, value);
const data = (type: string, ...values: readonly number[]) => {
  const make = { F32: Float32Array, U16: Uint16Array, U8: Uint8Array, I64: BigInt64Array }[type] as typeof Float32Array;
  return new Uint8Array(make.from(values).buffer);
};
const arrayOf = async (value: Uint8Array, storage: Uint8Array) => {
  const tree = await readTorchFile(archive(pickle(dictOf("w", value)), { 0: storage }), "f.pt");
  return stateDictOf(tree, { name: "f.pt" }).arrays.get("w");
};

/** Name, pickled value, and error of what cannot be read. */
const refused: [string, Uint8Array, string][] = [
  [
    "an unknown bit",
    call("_rebuild_tensor_v2", ...window(id), no, hooks, bits("scale")),
    'data.pkl byte 169: REDUCE (0x52): at "layer.weight": the tensor has metadata "scale", which is not supported',
  ],
  [
    "a bit that is none",
    call("_rebuild_tensor_v2", ...window(id), no, hooks, bits("neg", int(1))),
    "has 1 for its bit neg",
  ],
  [
    "conjugates",
    call("_rebuild_tensor_v2", ...window(id), no, hooks, bits("conj")),
    "is a conjugate of complex numbers",
  ],
  [
    "metadata of another kind",
    call("_rebuild_tensor_v2", ...window(id), no, hooks, int(1)),
    "has metadata 1, expected a dict",
  ],
  ["hooks", call("_rebuild_tensor_v2", ...window(id), no, bits("h"), bits("neg")), "has backward hooks"],
  ["no gradient flag", call("_rebuild_tensor_v2", ...window(id), int(1), hooks), "has requires_grad 1"],
  [
    "8 arguments",
    call("_rebuild_tensor_v2", ...window(id), no, hooks, bits("neg"), no),
    'data.pkl byte 168: REDUCE (0x52): at "layer.weight": the tensor has 8 arguments: expected 6 to 7',
  ],
  [
    "5 arguments",
    call("_rebuild_tensor", ...window(id), no),
    'data.pkl byte 126: REDUCE (0x52): at "layer.weight": the tensor has 5 arguments: expected 4',
  ],
  ["no dtype", call("_rebuild_tensor_v3", ...window(bytesId), no, hooks, str("f4")), 'has dtype "f4"'],
  [
    "another storage",
    call("_rebuild_tensor_v3", ...window(id), no, hooks, global("torch", "uint16")),
    "is of U16, its storage of F32",
  ],
  [
    "beyond its bytes",
    call("_rebuild_tensor_v3", ...window(bytesId, 5), no, hooks, global("torch", "uint16")),
    'data.pkl byte 180: REDUCE (0x52): at "layer.weight": the tensor of shape [5] needs element 4 of storage "0", which has 4',
  ],
  [
    "half a byte",
    call("_rebuild_tensor_v3", ...window(bytesId), no, hooks, global("torch", "float4_e2m1fn_x2")),
    "torch.float4_e2m1fn_x2 is not supported: save tensor.float()",
  ],
  [
    "complex",
    call("_rebuild_tensor_v3", ...window(bytesId), no, hooks, global("torch", "complex32")),
    "torch.complex32 is not supported: save torch.view_as_real(tensor)",
  ],
  [
    "a subclass",
    call(
      "_rebuild_from_type_v2",
      global("torch._utils", "_rebuild_tensor_v2"),
      global("my", "Tensor"),
      tuple(...window(id), no, hooks),
      bytesOf("}"),
    ),
    "my.Tensor is not allowed in a weights file: tensors of other classes",
  ],
  ["a meta tensor", call("_rebuild_meta_tensor_no_storage", int(1)), "meta tensors have no values"],
  [
    "a nested tensor",
    call("_rebuild_nested_tensor", int(1)),
    "torch._utils._rebuild_nested_tensor is not allowed in a weights file: nested tensors are not supported, save torch.nested.to_padded_tensor(tensor, 0)",
  ],
  [
    "a wrapped subclass",
    call("_rebuild_wrapper_subclass", int(1)),
    "torch._utils._rebuild_wrapper_subclass is not allowed in a weights file: tensors of other classes are not supported, save plain ones",
  ],
  [
    "another device, as NumPy",
    call("_rebuild_device_tensor_from_numpy", int(1)),
    "a tensor of another device: save tensor.cpu()",
  ],
  [
    "a storage of the meta device",
    bytesOf(
      global("torch._utils", "_rebuild_tensor_v2"),
      tuple(
        bytesOf(tuple(str("storage"), global("torch", "FloatStorage"), str("0"), str("meta"), int(2)), "Q"),
        int(0),
        tuple(int(2)),
        tuple(int(1)),
        no,
        hooks,
      ),
      "R",
    ),
    "is of the meta device",
  ],
];

describe("rebuild functions", () => {
  test("negates every element for the negative bit", async () => {
    const value = call("_rebuild_tensor_v2", ...window(id), no, hooks, bits("neg"));
    expect((await arrayOf(value, data("F32", 1, -2.5)))?.data).toEqual(Float32Array.of(-1, 2.5));
    const unset = call("_rebuild_tensor_v2", ...window(id), no, hooks, bits("neg", no));
    expect((await arrayOf(unset, data("F32", 1, -2.5)))?.data).toEqual(Float32Array.of(1, -2.5));
    const half = tuple(str("storage"), global("torch", "HalfStorage"), str("0"), str("cpu"), int(2));
    const halves = call("_rebuild_tensor_v2", ...window(half), no, hooks, bits("neg"));
    expect((await arrayOf(halves, data("U16", 0x3c00, 0xbc00)))?.data).toEqual(Uint16Array.of(0xbc00, 0x3c00));
  });

  test("reads types without a storage class from plain bytes", async () => {
    const of = (dtype: string, size: number) =>
      call("_rebuild_tensor_v3", ...window(bytesId, size), no, hooks, global("torch", dtype));
    const f8 = await arrayOf(of("float8_e4m3fn", 8), Uint8Array.of(0x38, 0xb8, 0x40, 0, 0x7e, 0x01, 0x08, 0x30));
    expect(f8).toMatchObject({ dtype: "F8_E4M3", shape: [8] });
    const u16 = await arrayOf(of("uint16", 4), data("U16", 1, 2, 65535, 0));
    expect(u16).toEqual({ dtype: "U16", shape: [4], data: Uint16Array.of(1, 2, 65535, 0) });
    const bytes = archive(pickle(dictOf("w", of("uint16", 4))), { 0: data("U16", 1, 2, 65535, 0) });
    expect((await readWeights(bytes)).weights.get("w")?.data).toEqual(Float32Array.of(1, 2, 65535, 0));
  });

  test("reads attributes, parameters with a state, and tensors of another device", async () => {
    const inner = tuple(...window(id), no, hooks);
    const plain = call("_rebuild_tensor_v2", ...window(id), no, hooks);
    const named = dictOf("tag", int(1));
    for (const value of [
      call(
        "_rebuild_from_type_v2",
        global("torch._utils", "_rebuild_tensor_v2"),
        global("torch", "Tensor"),
        inner,
        named,
      ),
      call("_rebuild_parameter", plain, yes, hooks),
      call("_rebuild_parameter_with_state", plain, yes, hooks, named),
      call("_rebuild_device_tensor_from_cpu_tensor", plain, global("torch", "float32"), str("xla:0"), no),
    ]) {
      expect((await arrayOf(value, data("F32", 3, 4)))?.data).toEqual(Float32Array.of(3, 4));
    }
  });

  test.each(refused)("%s is refused by name", async (_, value, problem) => {
    expect(await refusal(archive(pickle(dictOf("layer.weight", value))), stateOf)).toContain(problem);
  });

  test("refuses the negative bit of bytes and booleans", async () => {
    const u8 = tuple(str("storage"), global("torch", "ByteStorage"), str("0"), str("cpu"), int(8));
    const value = call("_rebuild_tensor_v2", ...window(u8), no, hooks, bits("neg"));
    expect(await refusal(archive(pickle(dictOf("w", value))), stateOf)).toContain(
      "the negative bit, which U8 cannot have",
    );
    expect(at(await read(dictOf("w", tensor())), "w")).toBeInstanceOf(TorchTensor);
  });

  test("refuses integers that float32 cannot hold, except counters", async () => {
    const long = (key: string) =>
      dictOf(key, tensor({ type: "LongStorage", length: 1, size: tuple(int(1)), stride: tuple(int(1)) }));
    const storage = { 0: data("I64", ...([2n ** 24n + 1n] as unknown as number[])) };
    await expect(readWeights(archive(pickle(long("ids")), storage), "f.pt")).rejects.toThrow(
      'f.pt: "ids": element 0: expected a number that float32 can hold, got 16777217',
    );
    const counted = await readWeights(archive(pickle(long("bn.num_batches_tracked")), storage), "f.pt");
    expect(counted.weights.size).toBe(1);
  });
});
