// PyTorch's rebuild functions, which make tensors. Every argument is used or refused: an ignored one could change the
// numbers.
import { type ArrayDtype, elementCount, quote, shapeFault, widthOf } from "../array_types.ts";
import { describeValue, type PickleCall, PickleGlobal, PickleOpaque, type PickleValue } from "./pickle_values.ts";
import { canNegate, TorchStorage, TorchTensor, tensorDtypes } from "./tensor.ts";

/** PyTorch's own limit is 64. */
const MAX_DIMS = 64;

const isIndex = (value: PickleValue | undefined): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0;

type Refuse = (problem: string) => never;

/** Refuse other argument counts than the known ones, so that none is ignored. */
function expectArguments(args: readonly PickleValue[], least: number, most: number, refuse: Refuse): void {
  if (args.length >= least && args.length <= most) return;
  const expected = least === most ? `${least}` : `${least} to ${most}`;
  refuse(`has ${args.length} arguments: expected ${expected}`);
}

/** Check requires_grad and the backward hooks. Only training uses them; other values are refused. */
function checkTraining(requiresGrad: PickleValue | undefined, hooks: PickleValue | undefined, refuse: Refuse): void {
  if (typeof requiresGrad !== "boolean")
    refuse(`has requires_grad ${describeValue(requiresGrad)}, expected True or False`);
  if (hooks !== null && !(hooks instanceof Map && hooks.size === 0))
    refuse(`has backward hooks (${describeValue(hooks)}), which are not supported: expected an empty dict`);
}

/** Read the last argument of _rebuild_tensor_v2 and _v3: bits that change the meaning of the stored numbers. */
function readBits(metadata: PickleValue | undefined, dtype: ArrayDtype, refuse: Refuse): { negative: boolean } {
  if (metadata === undefined || metadata === null) return { negative: false };
  if (!(metadata instanceof Map)) return refuse(`has metadata ${describeValue(metadata)}, expected a dict`);
  for (const [key, value] of metadata) {
    if (key !== "neg" && key !== "conj") refuse(`has metadata ${describeValue(key)}, which is not supported`);
    if (typeof value !== "boolean") refuse(`has ${describeValue(value)} for its bit ${key}, expected True or False`);
    if (key === "conj" && value)
      refuse("is a conjugate of complex numbers, which are not supported: save a real tensor");
  }
  const negative = metadata.get("neg") === true;
  if (negative && !canNegate(dtype)) refuse(`has the negative bit, which ${dtype} cannot have`);
  return { negative };
}

/** Read the window of a tensor on its storage; check every bound. */
function windowOf(
  { args, spend }: PickleCall,
  storage: TorchStorage,
  dtype: ArrayDtype,
  refuse: Refuse,
): { offset: number; shape: number[]; strides: number[] } {
  const [, offset, size, stride] = args;
  const whole = (what: string, list: PickleValue | undefined): number[] => {
    if (!Array.isArray(list)) return refuse(`has a ${what} that is not a tuple`);
    if (list.length > MAX_DIMS) refuse(`has a ${what} of ${list.length} dimensions: expected at most ${MAX_DIMS}`);
    const bad = list.findIndex((n) => !isIndex(n) || Object.is(n, -0));
    if (bad >= 0) refuse(`has ${describeValue(list[bad])} in its ${what}: expected integers >= 0`);
    spend(list.length);
    return [...list];
  };
  const shape = whole("size", size);
  const strides = whole("stride", stride);
  const fault = shapeFault(shape);
  if (fault) refuse(`is impossible: its ${fault}`);
  if (!isIndex(offset)) return refuse(`has offset ${describeValue(offset)}: expected an integer >= 0`);
  if (strides.length !== shape.length) refuse(`has ${shape.length} dimensions and ${strides.length} strides`);
  if (elementCount(shape) > 0) {
    // Products beyond 2^53 are inexact, yet far above every length.
    const last = shape.reduce((sum, n, i) => sum + (n - 1) * strides[i]!, offset);
    const length = Math.floor(storage.byteLength / widthOf(dtype));
    if (last >= length) {
      refuse(
        `of shape [${shape.join(",")}] needs element ${last} of storage ${quote(storage.key)}, which has ${length}`,
      );
    }
  }
  return { offset, shape, strides };
}

const refuser =
  ({ fail }: PickleCall): Refuse =>
  (problem) =>
    fail(`the tensor ${problem}`);

/**
 * Make a rebuild function of `least` to `most` arguments, the first of which is the storage. A storage of unknown type
 * makes a tensor that is also unknown.
 */
const ofStorage =
  (
    [least, most]: readonly [number, number],
    make: (call: PickleCall, storage: TorchStorage, refuse: Refuse) => PickleValue,
  ) =>
  (call: PickleCall): PickleValue => {
    const refuse = refuser(call);
    expectArguments(call.args, least, most, refuse);
    const [storage] = call.args;
    if (storage instanceof PickleOpaque) return storage;
    return storage instanceof TorchStorage ? make(call, storage, refuse) : refuse("has no storage");
  };

/** torch._utils._rebuild_tensor: (storage, offset, size, stride). */
export const rebuildTensor1 = ofStorage([4, 4], (call, storage, refuse) => {
  const { offset, shape, strides } = windowOf(call, storage, storage.dtype, refuse);
  return new TorchTensor(storage, offset, shape, strides);
});

/** torch._utils._rebuild_tensor_v2: (storage, offset, size, stride, requires_grad, backward_hooks, metadata = None). */
export const rebuildTensor2 = ofStorage([6, 7], (call, storage, refuse) => {
  const { offset, shape, strides } = windowOf(call, storage, storage.dtype, refuse);
  const [, , , , requiresGrad, hooks, metadata] = call.args;
  checkTraining(requiresGrad, hooks, refuse);
  return new TorchTensor(storage, offset, shape, strides, readBits(metadata, storage.dtype, refuse));
});

/** Return the refusal of an unsupported dtype. */
const notRead = (path: string) =>
  `${path} is not supported: save ${/complex/.test(path) ? "torch.view_as_real(tensor)" : "tensor.float()"}`;

/** torch._utils._rebuild_tensor_v3: as _v2, with a dtype before the metadata and a storage of plain bytes. */
export const rebuildTensor3 = ofStorage([7, 8], (call, storage, refuse) => {
  const [, , , , requiresGrad, hooks, type, metadata] = call.args;
  if (!(type instanceof PickleGlobal)) return refuse(`has dtype ${describeValue(type)}, expected the name of one`);
  const dtype = tensorDtypes.get(type.path);
  if (dtype === undefined) return new PickleOpaque(`a tensor of ${type.path}`, notRead(type.path));
  if (storage.dtype !== "U8" && storage.dtype !== dtype)
    refuse(`is of ${dtype}, its storage of ${storage.dtype}: expected a storage of bytes`);
  const { offset, shape, strides } = windowOf(call, storage, dtype, refuse);
  checkTraining(requiresGrad, hooks, refuse);
  return new TorchTensor(storage, offset, shape, strides, { dtype, ...readBits(metadata, dtype, refuse) });
});

const tensorOf = (what: string, data: PickleValue | undefined, { fail }: PickleCall): TorchTensor | PickleOpaque =>
  data instanceof TorchTensor || data instanceof PickleOpaque
    ? data
    : fail(`${what}: expected a tensor, got ${describeValue(data)}`);

/** torch._utils._rebuild_parameter: (data, requires_grad, backward_hooks), and with a state behind of plain attributes. */
export function rebuildParameter(call: PickleCall): PickleValue {
  const { args } = call;
  const data = tensorOf("a Parameter", args[0], call);
  const refuse = refuser(call);
  expectArguments(args, 3, 3, refuse);
  checkTraining(args[1], args[2], refuse);
  return data;
}

/** Check the named attributes of a tensor, which are no part of its numbers. */
function checkAttributes(state: PickleValue | undefined, refuse: Refuse): void {
  const parts = Array.isArray(state) ? (state as readonly PickleValue[]) : [state as PickleValue];
  if (!parts.every((part) => part === null || part instanceof Map))
    refuse(`has a state ${describeValue(state)}, expected a dict of attributes`);
}

/** torch._utils._rebuild_parameter_with_state: (data, requires_grad, backward_hooks, state). */
export function rebuildParameterWithState(call: PickleCall): PickleValue {
  const { args } = call;
  const data = tensorOf("a Parameter", args[0], call);
  const refuse = refuser(call);
  expectArguments(args, 4, 4, refuse);
  checkTraining(args[1], args[2], refuse);
  checkAttributes(args[3], refuse);
  return data;
}

/** Functions that rebuildFromType may call. Not itself, so nothing recurses. */
const MAKES_TENSORS: ReadonlySet<unknown> = new Set([
  rebuildTensor1,
  rebuildTensor2,
  rebuildTensor3,
  rebuildParameter,
  rebuildParameterWithState,
]);

/** Tensor classes that hold what a plain tensor holds. */
const PLAIN: ReadonlySet<string> = new Set([
  "torch.Tensor",
  "torch._tensor.Tensor",
  "torch.nn.parameter.Parameter",
  "torch.nn.Parameter",
  "torch.nn.parameter.Buffer",
  "torch.nn.Buffer",
]);

/** torch._tensor._rebuild_from_type_v2: (function, class, arguments, state), for tensors with attributes or a subclass. */
export function rebuildFromType(call: PickleCall): PickleValue {
  const refuse = refuser(call);
  expectArguments(call.args, 4, 4, refuse);
  const [rebuild, type, args, state] = call.args;
  if (!(rebuild instanceof PickleGlobal)) return refuse(`is rebuilt by ${describeValue(rebuild)}, expected a function`);
  if (!(type instanceof PickleGlobal)) return refuse(`is of class ${describeValue(type)}, expected the name of one`);
  if (!Array.isArray(args)) return refuse(`is rebuilt from ${describeValue(args)}, expected a tuple`);
  if (rebuild.refusal !== null) return new PickleOpaque(rebuild.path, rebuild.refusal);
  if (!PLAIN.has(type.path)) {
    const words = "tensors of other classes are not read, save tensor.as_subclass(torch.Tensor)";
    return new PickleOpaque(type.path, `${type.path} is not allowed in a weights file: ${words}`);
  }
  if (rebuild.call === null || !MAKES_TENSORS.has(rebuild.call))
    return refuse(`is rebuilt by ${rebuild.path}, which makes no tensor`);
  checkAttributes(state, refuse);
  return rebuild.call({ ...call, args: args as readonly PickleValue[] });
}

/** torch._utils._rebuild_device_tensor_from_cpu_tensor: (data, dtype, device, requires_grad). */
export function rebuildFromCpu(call: PickleCall): PickleValue {
  const { args } = call;
  const data = tensorOf("a tensor of another device", args[0], call);
  const refuse = refuser(call);
  expectArguments(args, 4, 4, refuse);
  if (data instanceof PickleOpaque) return data;
  const [, type, device, requiresGrad] = args;
  const dtype = type instanceof PickleGlobal ? tensorDtypes.get(type.path) : undefined;
  if (dtype !== data.dtype) refuse(`is of ${data.dtype}: expected ${describeValue(type)}, as in its rebuild function`);
  if (typeof device !== "string") refuse(`has device ${describeValue(device)}, expected a name`);
  checkTraining(requiresGrad, null, refuse);
  return data;
}
