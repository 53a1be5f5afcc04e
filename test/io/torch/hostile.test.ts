import fc from "fast-check";
import { expect, test } from "vitest";
import { allowedGlobals, readTorchFile, stateDictOf, TorchFileError, TorchTensor } from "../../../src/io/index.ts";
import { readZip, writeZip } from "../../../src/io/zip.ts";
import {
  archive,
  at,
  bytesOf,
  dictOf,
  fixture,
  global,
  int,
  pickle,
  refusal,
  str,
  tensor,
  tuple,
  u32,
} from "./pickles.ts";

/** Read the arrays of a file, so that placeholders are checked too. */
const stateOf = async (bytes: Uint8Array) => stateDictOf(await readTorchFile(bytes, "f.pt"), { name: "f.pt" });

test.each([
  [
    "os_system",
    "data.pkl byte 178: GLOBAL (0x63): posix.system is not allowed in a weights file: loading it could run code",
  ],
  ["os_system_legacy", "GLOBAL (0x63): posix.system is not allowed"],
  [
    "whole_model",
    "torch.nn.modules.container.Sequential is not allowed in a weights file: the file holds a whole model, save model.state_dict()",
  ],
  [
    "sparse",
    "torch._utils._rebuild_sparse_tensor is not allowed in a weights file: sparse tensors are not supported, save tensor.to_dense()",
  ],
  [
    "quantized",
    "torch._utils._rebuild_qtensor is not allowed in a weights file: quantized tensors are not supported, save tensor.dequantize()",
  ],
  [
    "complex",
    "torch.ComplexFloatStorage is not allowed in a weights file: complex tensors are not supported, save torch.view_as_real(tensor)",
  ],
  ["numpy_scalar", "numpy.core.multiarray.scalar is not allowed in a weights file: NumPy objects"],
])("refuses an object that is no weight by its name: %s", async (name, problem) => {
  expect(await refusal(fixture(name), stateOf)).toContain(problem);
});

test("refuses harmful names in any spelling", async () => {
  for (const [module, name] of [
    ["builtins", "eval"],
    ["builtins", "getattr"],
    ["__builtin__", "exec"],
    ["torch", "load"],
    ["torch.hub", "load"],
    ["torch._utils", "_rebuild_tensor_v2.__globals__"],
    ["collections", "OrderedDict.__init__"],
    ["torch.storage", "_load_from_bytes"],
    ["subprocess", "Popen"],
    ["importlib", "import_module"],
    ["numpy", "load"],
    ["", "__proto__"],
  ] as const) {
    const path = `${module}.${name}`;
    const shown = /^[\w.]+$/.test(path) ? path : JSON.stringify(path);
    expect(await refusal(archive(pickle(global(module, name))))).toContain(
      `: ${shown} is not allowed in a weights file`,
    );
    expect(await refusal(archive(pickle(str(module), str(name), 0x93)))).toContain("STACK_GLOBAL (0x93)");
  }
  expect(await refusal(archive(pickle(global("a\u001b[2J\r", "b"))))).toContain('"a\\u001b[2J\\r.b" is not allowed');
  expect(allowedGlobals).toHaveLength(new Set(allowedGlobals).size);
});

test.each<[string, Uint8Array, string]>([
  ["nothing", new Uint8Array(0), "it is empty"],
  ["text", bytesOf("hello, world"), "neither a zip archive nor a pickle"],
  ["tar", bytesOf(new Uint8Array(257), "ustar", new Uint8Array(250)), "a tar archive"],
  ["a zip of something else", writeZip(new Map([["weights.npy", new Uint8Array(4)]])), "it has no data.pkl"],
  [
    "two pickles",
    writeZip(
      new Map([
        ["a/data.pkl", pickle("N")],
        ["b/data.pkl", pickle("N")],
      ]),
    ),
    "expected one file named data.pkl, got 2",
  ],
  ["a plain pickle", pickle("}"), "a pickle, but not one that torch.save wrote"],
  [
    "a plain pickle that runs code",
    pickle(global("posix", "system"), str("ls"), 0x85, "R"),
    "posix.system is not allowed",
  ],
  [
    "big-endian",
    writeZip(
      new Map([
        ["a/data.pkl", pickle("}")],
        ["a/byteorder", bytesOf("big")],
      ]),
    ),
    "big-endian",
  ],
])("names the kind of another file: %s", async (_, bytes, problem) => {
  expect(await refusal(bytes)).toContain(problem);
});

test.each<[string, Uint8Array, string]>([
  ["an empty stack", pickle("0"), "POP (0x30): the stack is empty"],
  ["an empty stack under a mark", pickle("N(0N0000"), "the stack is empty"],
  ["no mark", pickle("t"), "TUPLE (0x74): there is no MARK"],
  ["things left", pickle("NN"), "expected an empty stack at the end"],
  ["a mark left", pickle("N("), "the stack is empty"],
  ["an unknown memo", pickle("h", 7), "BINGET (0x68): nothing is stored under 7"],
  ["a memo of nothing", pickle("q", 7), "BINPUT (0x71): the stack is empty"],
  ["an opcode of none", pickle(0xff), "byte 2: 0xff: is not allowed in a weights file"],
  ["an object", pickle(global("collections", "OrderedDict"), ")", 0x81), "NEWOBJ (0x81): is not allowed"],
  ["INST", pickle("(iposix", 10, "system", 10), "INST (0x69): is not allowed"],
  ["an extension", pickle(0x82, 1), "EXT1 (0x82): is not allowed"],
  ["calling a string", pickle(str("eval"), ")R"), 'REDUCE (0x52): "eval" cannot be called'],
  ["calling a dtype", pickle(global("torch", "float32"), ")R"), "torch.float32 cannot be called"],
  ["calling a tensor", pickle(tensor(), ")R"), "a tensor of shape [2] cannot be called"],
  ["arguments in a list", pickle(global("torch", "Size"), "]R"), "REDUCE (0x52): expected a tuple, got a list"],
  ["attributes of a list", pickle("]}b"), "BUILD (0x62): expected a dict to set attributes on, got a list"],
  ["attributes of a tensor", pickle(tensor(), "}b"), "got a tensor of shape [2]"],
  ["attributes that are none", pickle("}Nb"), "BUILD (0x62)"],
  ["appending to a tuple", pickle(")Na"), "APPEND (0x61): expected a list, got a tuple"],
  ["an entry of a list", pickle("]NNs"), "SETITEM (0x73): expected a dict, got a list"],
  ["a key without value", pickle("}(Nu"), "a key has no value"],
  ["adding to a dict", pickle("}(N", 0x90), "ADDITEMS (0x90): expected a set, got a dict"],
  ["a global of numbers", pickle("NN", 0x93), "expected two names, got None and None"],
  ["text that is none", pickle("X", bytesOf(u32(1)), 0xff), "not valid UTF-8"],
  ["a long text", pickle("X", bytesOf(u32(2 ** 32 - 1))), "truncated: expected 4294967295 bytes"],
  ["a very long text", pickle(0x8d, bytesOf([0, 0, 0, 0, 0, 0, 0, 128])), "truncated: expected 9223372036854775808"],
  ["a frame", pickle(0x95, bytesOf([9, 0, 0, 0, 0, 0, 0, 0]), "N"), "the frame reaches beyond the end"],
  [
    "a number of -1 bytes",
    pickle(0x8b, bytesOf(u32(0xffffffff))),
    "expected an integer of 0 to 1024 bytes, got -1 bytes",
  ],
  [
    "a number too long",
    pickle(0x8b, bytesOf(u32(2000)), new Uint8Array(2000)),
    "expected an integer of 0 to 1024 bytes, got 2000 bytes",
  ],
  ["protocol 6", bytesOf(0x80, 6, "N."), "expected protocol 2 to 5, got 6"],
  ["a name without end", bytesOf(0x80, 2, "cposix"), "the line has no end"],
  ["no STOP", bytesOf(0x80, 2, "N"), "truncated: expected 1 bytes"],
  ["more after STOP", bytesOf(pickle("}"), "N"), "data.pkl has 1 bytes too many"],
  ["a reference to a number", pickle("NQ"), "BINPERSID (0x51): expected the id of a storage, got None"],
  [
    "a reference to a module",
    pickle(tuple(str("module"), str("C"), str("f.py"), str("code")), "Q"),
    "a module is not allowed in a weights file",
  ],
  [
    "a Parameter of nothing",
    pickle(global("torch._utils", "_rebuild_parameter"), "N", 0x85, "R"),
    "data.pkl byte 37: REDUCE (0x52): a Parameter: expected a tensor, got None",
  ],
  [
    "a Size of nothing",
    pickle(global("torch", "Size"), "N", 0x85, "R"),
    "data.pkl byte 16: REDUCE (0x52): torch.Size: expected a list, got None",
  ],
  [
    "an OrderedDict of numbers",
    pickle(global("collections", "OrderedDict"), "]Na", 0x85, "R"),
    "pairs of key and value",
  ],
  [
    "a device of two words",
    pickle(global("torch", "device"), str("cuda"), str("0"), 0x86, "R"),
    "data.pkl byte 32: REDUCE (0x52): torch.device: expected a number after its name",
  ],
  [
    "a device of numbers",
    pickle(global("torch", "device"), "N", 0x85, "R"),
    "data.pkl byte 18: REDUCE (0x52): torch.device: expected a name, got None",
  ],
])("names byte and opcode of a fault: %s", async (_, data, problem) => {
  const text = await refusal(archive(data));
  expect(text).toContain(problem);
  expect(text).toMatch(/^data\.pkl (byte \d+: |has )/);
});

test.each<[string, Uint8Array, string]>([
  [
    "a storage too small",
    tensor({ size: tuple(int(3)) }),
    'data.pkl byte 156: REDUCE (0x52): at "layer.weight": the tensor of shape [3] needs element 2 of storage "0", which has 2',
  ],
  [
    "an offset beyond",
    tensor({ offset: int(1) }),
    'data.pkl byte 156: REDUCE (0x52): at "layer.weight": the tensor of shape [2] needs element 2 of storage "0", which has 2',
  ],
  [
    "strides beyond",
    tensor({ stride: tuple(int(2)) }),
    'data.pkl byte 156: REDUCE (0x52): at "layer.weight": the tensor of shape [2] needs element 2 of storage "0", which has 2',
  ],
  [
    "a negative size",
    tensor({ size: tuple(int(-2)) }),
    'data.pkl byte 156: REDUCE (0x52): at "layer.weight": the tensor has -2 in its size: expected integers >= 0',
  ],
  ["a negative stride", tensor({ stride: tuple(int(-1)) }), "has -1 in its stride"],
  [
    "a negative offset",
    tensor({ offset: int(-1) }),
    'data.pkl byte 156: REDUCE (0x52): at "layer.weight": the tensor has offset -1: expected an integer >= 0',
  ],
  ["half an offset", tensor({ offset: bytesOf("G", [0x3f, 0xe0, 0, 0, 0, 0, 0, 0]) }), "has offset 0.5"],
  ["a size of words", tensor({ size: tuple(str("2")) }), 'has "2" in its size'],
  ["no size", tensor({ size: bytesOf("N") }), "has a size that is not a tuple"],
  ["fewer strides", tensor({ stride: bytesOf(")") }), "has 1 dimensions and 0 strides"],
  [
    "65 dimensions",
    tensor({ size: tuple(...Array.from({ length: 65 }, () => int(1))) }),
    'data.pkl byte 476: REDUCE (0x52): at "layer.weight": the tensor has a size of 65 dimensions: expected at most 64',
  ],
  [
    "2^62 elements",
    tensor({ size: tuple(int(2 ** 31 - 1), int(2 ** 31 - 1)), stride: tuple(int(0), int(0)) }),
    "more than 2^53 elements",
  ],
  [
    "a storage that is not there",
    tensor({ key: "1" }),
    'storage "1" is missing: the archive has no file "archive/data/1"',
  ],
  ["a path for a key", tensor({ key: "../data.pkl" }), 'storage "../data.pkl" is missing'],
  [
    "a storage of another length",
    tensor({ length: 3 }),
    'data.pkl byte 107: BINPERSID (0x51): at "layer.weight": storage "0": expected 12 bytes for 3 elements, got 8',
  ],
  [
    "a negative length",
    tensor({ length: -2 }),
    'data.pkl byte 107: BINPERSID (0x51): at "layer.weight": storage "0": length: expected an integer >= 0, got -2',
  ],
  ["another type", tensor({ type: "QInt8Storage" }), "torch.QInt8Storage is not allowed in a weights file: quantized"],
  ["a dtype for a storage", tensor({ type: "float32" }), 'storage "0": type: expected one of'],
  [
    "two types of one storage",
    bytesOf(tensor(), "0", tensor({ type: "IntStorage" })),
    'data.pkl byte 243: BINPERSID (0x51): at "layer.weight": storage "0" has two descriptions that differ',
  ],
])("refuses an impossible tensor by its key: %s", async (_, bytes, problem) => {
  const text = await refusal(archive(pickle(dictOf("layer.weight", bytes))), stateOf);
  expect(text).toContain(problem);
  if (!problem.includes("not allowed")) expect(text).toContain('at "layer.weight": ');
});

test("reads 260 thousand nested lists, and a list in itself", async () => {
  const depth = 2 ** 18;
  const lists = bytesOf(0x80, 2, new Uint8Array(depth).fill(0x5d), new Uint8Array(depth - 1).fill(0x61), ".");
  expect(await readTorchFile(archive(lists))).toHaveLength(1);
  const itself = await readTorchFile(archive(pickle("]q", 0, "h", 0, "a")));
  expect((itself as unknown[])[0]).toBe(itself);
  expect(() => stateDictOf(itself, { name: "f.pt" })).toThrow("f.pt: expected a dict of tensors by name, got a list");
});

test("limits the growth of a small file: copies of copies, strides of zero, many views of one storage", async () => {
  const many = bytesOf("](", new Uint8Array(10_000).fill(0x4e), "eq", 0);
  const copy = bytesOf(global("builtins", "set"), "h", 0, 0x85, "R0");
  const copies = pickle(many, ...Array.from({ length: 200 }, () => copy));
  expect(await refusal(archive(copies))).toContain("REDUCE (0x52): copies of copies");

  const empty = new Uint8Array(2 ** 20 + 1).fill(0x7d);
  expect(await refusal(archive(bytesOf(0x80, 2, empty)))).toContain("EMPTY_DICT (0x7d): more than 1048576 containers");

  const wide = tensor({ size: tuple(int(2 ** 30)), stride: tuple(int(0)) });
  const read = (key: string) => async (bytes: Uint8Array) =>
    stateDictOf(at(await readTorchFile(bytes, "f.pt"), key), { name: "f.pt" });
  const bytes = archive(pickle(dictOf("model", dictOf("weight", wide))));
  expect(await refusal(bytes, read("model"))).toContain(
    "expected at most 1073741840 bytes of tensors from 8 stored bytes, got 4294967296",
  );
  const views = Array.from({ length: 100 }, (_, i) => bytesOf(str(`w${i}`), tensor()));
  const shared = await readTorchFile(archive(pickle("}(", ...views, "u")));
  expect(stateDictOf(shared).arrays.size).toBe(100);
  expect(() => stateDictOf(shared, { maxBytes: 100 })).toThrow(
    "torch file: expected at most 116 bytes of tensors from 8 stored bytes, got 800",
  );
});

test.each<[string, Uint8Array, string]>([
  ["a tensor", tensor(), "expected a dict of tensors by name, got a single tensor"],
  ["nothing", bytesOf("N"), "expected a dict of tensors by name, got None"],
  ["an empty dict", bytesOf("}"), "holds no state_dict: it is empty"],
  ["no tensors", dictOf("epoch", int(3)), 'holds no state_dict: its keys are "epoch"'],
  [
    "two nets",
    bytesOf("}(", str("g"), dictOf("w", tensor()), str("d"), dictOf("w", tensor()), "u"),
    'several dicts hold tensors ("g", "d")',
  ],
  ["dicts in dicts", [1, 2, 3, 4, 5].reduce((inner) => dictOf("model", inner), tensor()), "within 4 levels"],
])("describes a tree without a state_dict: %s", async (_, bytes, problem) => {
  const tree = await readTorchFile(archive(pickle(bytes)));
  expect(() => stateDictOf(tree, { name: "f.pt" })).toThrow(new TorchFileError("f.pt", "").message);
  expect(() => stateDictOf(tree)).toThrow(problem);
});

test("finds the usual names nested, and a single dict under any name", async () => {
  const nested = await readTorchFile(archive(pickle(dictOf("model", dictOf("state_dict", dictOf("w", tensor()))))));
  expect(stateDictOf(nested).path).toEqual(["model", "state_dict"]);
  expect(stateDictOf(nested, { key: "model.state_dict" }).arrays.size).toBe(1);
  const lone = await readTorchFile(archive(pickle(dictOf("generator", dictOf("w", tensor())))));
  expect(stateDictOf(lone).notes).toEqual(['took "generator"']);
  const extra = await readTorchFile(
    archive(pickle("}(", str("w"), tensor(), str("epoch"), int(1), int(2), int(3), "u")),
  );
  expect(stateDictOf(extra)).toMatchObject({
    path: [],
    ignored: ["epoch", "2"],
    notes: ['left out "epoch", "2": no tensors'],
  });
});

/** Read everything, so that the tensors are checked too. */
async function readAll(bytes: Uint8Array): Promise<void> {
  const tree = await readTorchFile(bytes, "f.pt", { maxBytes: 2 ** 20 });
  const { arrays } = stateDictOf(tree, { name: "f.pt", maxBytes: 2 ** 20 });
  for (const [, array] of arrays) expect(array.data.length).toBe(array.shape.reduce((n, d) => n * d, 1));
}

async function onlyTorchFileError(bytes: Uint8Array): Promise<void> {
  await readAll(bytes).catch((cause: unknown) => {
    if (!(cause instanceof TorchFileError)) throw cause;
  });
}

test("ends in TorchFileError for random bytes", async () => {
  const start = fc.constantFrom(
    bytesOf(),
    bytesOf("PK", 3, 4),
    bytesOf(0x80, 2),
    fixture("tensors_legacy").subarray(0, 300),
  );
  const letters = fc.array(fc.constantFrom(..."(.0}]sutbRQqhcXKJN)ae\x85\x86\x88\x93\x94\x95\x8c\x8a"), {
    maxLength: 60,
  });
  await fc.assert(
    fc.asyncProperty(start, fc.uint8Array({ maxLength: 200 }), async (a, b) => onlyTorchFileError(bytesOf(a, b))),
    { numRuns: 300 },
  );
  await fc.assert(
    fc.asyncProperty(letters, async (ops) =>
      onlyTorchFileError(archive(pickle(Uint8Array.from(ops, (op) => op.charCodeAt(0))))),
    ),
    { numRuns: 500 },
  );
});

test("reads a file with one byte changed, or a truncated one, or ends in TorchFileError", async () => {
  for (const name of ["views_legacy", "tensors_legacy", "net", "checkpoint"]) {
    const whole = fixture(name);
    const cut = fc.nat(whole.length - 1).map((n) => whole.subarray(0, n));
    await fc.assert(
      fc.asyncProperty(cut, async (bytes) => {
        await expect(readAll(bytes)).rejects.toThrow(TorchFileError);
      }),
      { numRuns: 50 },
    );
    const changed = fc.record({ at: fc.nat(whole.length - 1), to: fc.nat(255) });
    await fc.assert(
      fc.asyncProperty(changed, async ({ at, to }) => onlyTorchFileError(whole.with(at, to))),
      { numRuns: 400 },
    );
  }
});

test("does the same inside the archive, where no checksum hides the unpickler", async () => {
  const files = await readZip(fixture("views"));
  const path = "views/data.pkl";
  const data = files.get(path) ?? files.get("archive/data.pkl")!;
  const name = files.has(path) ? path : "archive/data.pkl";
  const changed = fc.record({ at: fc.nat(data.length - 1), to: fc.nat(255) });
  await fc.assert(
    fc.asyncProperty(changed, async ({ at, to }) =>
      onlyTorchFileError(writeZip(new Map([...files, [name, data.with(at, to)]]))),
    ),
    { numRuns: 1000 },
  );
});

test("reads a tensor without elements without its storage", async () => {
  const none = tensor({ length: 0, size: tuple(int(0), int(3)), stride: tuple(int(3), int(1)), offset: int(5) });
  const tree = await readTorchFile(archive(pickle(dictOf("w", none)), { 0: new Uint8Array(0) }));
  expect(at(tree, "w")).toBeInstanceOf(TorchTensor);
  expect(stateDictOf(tree).arrays.get("w")).toEqual({ dtype: "F32", shape: [0, 3], data: new Float32Array(0) });
});
