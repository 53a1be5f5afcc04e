// Adds entries at the ends of axes, or cuts them.

import forwardWgsl from "../../shaders/pad.wgsl";
import backwardWgsl from "../../shaders/pad_grad.wgsl";
import { defineOp, expectActivations } from "../autograd/index.ts";
import { currentGpu, grid1d, kernel, OpError } from "../gpu/index.ts";
import { actSpec, empty, numel, type Shape, stridesOf, type Tensor } from "../tensor/index.ts";
import { expectNumber } from "./pointwise/numbers.ts";

const forwardKernel = kernel("pad", forwardWgsl);
const backwardKernel = kernel("pad_grad", backwardWgsl);

/** Axes that the kernel walks. */
const AXES = 8;
/** Results of an invocation, each of one element or four: more share its start on a CPU, fewer fill a GPU. */
const [ITEMS_SOFTWARE, ITEMS_HARDWARE] = [4, 1];

/** Entry of x for entry c of y, in WGSL. Outside of x, the constant is written. */
const SOURCES: Readonly<Record<PadMode, string>> = {
  constant: "c",
  reflect: "let a = abs(c); return select(a, 2 * (size - 1) - a, a >= size);",
  replicate: "clamp(c, 0, size - 1)",
} as const;

/** Values outside of x. */
export type PadMode = "constant" | "reflect" | "replicate";

/** Options of `pad`. */
export interface PadOptions {
  /**
   * Values of new entries: `constant` (default), the entries mirrored at the first or last one (`reflect`), or copies of the
   * first or last one (`replicate`).
   */
  readonly mode?: PadMode | undefined;
  /** Value in constant mode. Default 0. */
  readonly value?: number | undefined;
}

interface Padding extends PadOptions {
  readonly pads: readonly number[];
}

/** An axis with the entries added at both ends. */
interface PaddedAxis {
  readonly size: number;
  readonly before: number;
  readonly after: number;
}

/** Return the axes of x, outermost first. `pads` begins with the last axis. */
function axesOf(shape: Shape, pads: readonly number[]): PaddedAxis[] {
  return shape.map((size, axis) => {
    const at = 2 * (shape.length - 1 - axis);
    return { size, before: pads[at] ?? 0, after: pads[at + 1] ?? 0 };
  });
}

const isPadded = ({ before, after }: PaddedAxis) => before !== 0 || after !== 0;
const paddedSize = ({ size, before, after }: PaddedAxis) => before + size + after;

/** Merge neighbours without padding; drop those of one entry. */
function merged(axes: readonly PaddedAxis[]): PaddedAxis[] {
  const out: PaddedAxis[] = [];
  for (const axis of axes) {
    const last = out.at(-1);
    if (isPadded(axis)) out.push(axis);
    else if (last && !isPadded(last)) out[out.length - 1] = { ...last, size: last.size * axis.size };
    else if (axis.size > 1) out.push(axis);
  }
  return out;
}

function runPad(x: Tensor, y: Tensor, padded: readonly PaddedAxis[], mode: PadMode, value: number): void {
  const axes = merged(padded);
  const used = Math.max(axes.length, 1);
  while (axes.length < AXES) axes.unshift({ size: 1, before: 0, after: 0 });
  if (axes.length > AXES) throw new OpError("pad", `expected at most ${AXES} groups of axes`, { x });
  const strides = stridesOf(axes.map(({ size }) => size));
  const halves = <T>(all: readonly T[]) => [all.slice(0, 4), all.slice(4)] as const;
  const [size0, size1] = halves(axes.map(paddedSize));
  const [from0, from1] = halves(axes.map(({ size }) => size));
  const [before0, before1] = halves(axes.map(({ before }) => before));
  const [stride0, stride1] = halves(strides);
  const each = y.numel % 4 === 0 && paddedSize(axes.at(-1)!) >= 4 ? 4 : 1;
  const n = y.numel / each;
  forwardKernel.run({
    bind: { x, y },
    params: { n, value, size0, size1, from0, from1, stride0, stride1, before0, before1 },
    spec: {
      source: SOURCES[mode],
      AXES: used,
      ITEMS_PER_INVOCATION: currentGpu().adapter.software ? ITEMS_SOFTWARE : ITEMS_HARDWARE,
      ...actSpec(x),
      ...(each === 4 && { EACH: 4, Out: "vec4<Act>", written: "Out(v[0], v[1], v[2], v[3])" }),
    },
    grid: grid1d(n),
  });
}

/** Add the gradients of copied entries to those of their sources, one axis after the other. */
function foldAxes(dy: Tensor, dx: Tensor, padded: readonly PaddedAxis[], mode: PadMode): void {
  const shape = [...dy.shape];
  let from = dy;
  const axes = [...padded.keys()].filter((axis) => isPadded(padded[axis]!));
  for (const axis of axes) {
    const { size, before, after } = padded[axis]!;
    shape[axis] = size;
    const to = axis === axes.at(-1) ? dx : empty(shape, dx.dtype);
    backwardKernel.run({
      bind: { dy: from, dx: to },
      params: { n: to.numel, size, before, after, inner: numel(shape.slice(axis + 1)) },
      spec: { REFLECT: mode === "reflect", ...actSpec(dx) },
      grid: grid1d(to.numel),
    });
    from = to;
  }
}

/** Throw OpError unless the pads of one axis fit its size and the mode. */
function checkAxis(padded: PaddedAxis, axis: number, mode: PadMode): void {
  for (const pad of [padded.before, padded.after]) {
    const fail = (expected: string): never => {
      throw new OpError("pad", `pads of axis ${axis}: expected ${expected}, got ${pad}`);
    };
    if (!Number.isInteger(pad)) fail("integers");
    if (mode !== "constant" && pad < 0) fail(`integers >= 0 in mode ${mode}`);
    if (mode === "reflect" && pad >= padded.size) fail(`at most ${padded.size - 1} in mode reflect`);
  }
  if (paddedSize(padded) < 1) {
    const cut = `[${padded.before},${padded.after}]`;
    throw new OpError("pad", `pads of axis ${axis}: expected to keep an entry of ${padded.size}, got ${cut}`);
  }
}

function checkPads({ shape }: Tensor, { pads, mode = "constant", value }: Padding): void {
  if (!Array.isArray(pads) || pads.length % 2 !== 0 || pads.length > 2 * shape.length) {
    const expected = `up to ${shape.length} pairs, the last axis first`;
    throw new OpError("pad", `pads: expected ${expected}, got ${JSON.stringify(pads)}`);
  }
  if (!Object.hasOwn(SOURCES, mode))
    throw new OpError("pad", `mode: expected ${Object.keys(SOURCES).join(", ")}, got ${mode}`);
  if (value !== undefined && mode !== "constant") throw new OpError("pad", `value: expected none in mode ${mode}`);
  if (value !== undefined) expectNumber("pad", "value", value);
  axesOf(shape, pads).forEach((padded, axis) => {
    checkAxis(padded, axis, mode);
  });
}

const padded = defineOp({
  name: "pad",
  options: ["pads", "mode", "value"],
  infer([x]: [x: Tensor], options: Padding) {
    expectActivations("pad", { x });
    checkPads(x, options);
    return { shape: axesOf(x.shape, options.pads).map(paddedSize), dtype: x.dtype };
  },
  forward(y, [x], { pads, mode = "constant", value = 0 }) {
    runPad(x, y, axesOf(x.shape, pads), mode, value);
    return [];
  },
  backward(dy, _saved, { options: { pads, mode = "constant" }, shapes, out }) {
    const axes = axesOf(shapes[0]!, pads);
    if (!axes.some(isPadded)) return [dy];
    const dx = out(0);
    if (mode === "constant") {
      const cut = axes.map((axis) => ({ size: paddedSize(axis), before: -axis.before, after: -axis.after }));
      runPad(dy, dx, cut, mode, 0);
    } else foldAxes(dy, dx, axes, mode);
    return [dx];
  },
});

/**
 * Add entries at both ends of axes, as PyTorch's F.pad: `pads` is [before, after] of the last axis, then of the one before it,
 * and so on; [left, right, top, bottom] for images. In constant mode a negative number cuts entries.
 *
 * Shapes    x [..., h, w] -> y [..., top + h + bottom, left + w + right].
 * Backward  dx = dy of the entry itself, plus in modes reflect and replicate the dy of its copies, in a fixed order.
 * Errors    OpError if x is not f32 or f16, pads are not integers in pairs, an axis would be empty, a mirrored pad is not smaller than
 *           its axis, or `value` comes with another mode than constant.
 * @example
 * const x = tensor([[1, 2, 3]]);
 * console.log(await pad(x, [1, 2]).data()); // 0, 1, 2, 3, 0, 0
 * console.log(await pad(x, [2, 0], { mode: "reflect" }).data()); // 3, 2, 1, 2, 3
 */
export function pad(x: Tensor, pads: readonly number[], options: PadOptions = {}): Tensor {
  return padded(x, { ...options, pads });
}
