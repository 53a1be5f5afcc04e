// The two passes of a spiking layer. Each is one kernel that loops over the steps of a neuron with its potential in a register.
import forwardWgsl from "../../../shaders/lif.wgsl";
import backwardWgsl from "../../../shaders/lif_grad.wgsl";
import { convertInto, sumAxesInto } from "../../autograd/index.ts";
import { type Bindable, currentGpu, grid1d, kernel, type Spec } from "../../gpu/index.ts";
import { copyInto, type DType, empty, type Shape, type Tensor } from "../../tensor/index.ts";
import type { Neuron } from "./neuron.ts";

const forwardKernel = kernel("lif", forwardWgsl);
const backwardKernel = kernel("lif_grad", backwardWgsl);

/** Output of a walk at every step, by the variable of lif.wgsl. `last` writes only the potential after the last step. */
const WRITTEN = { spike: "s", h: "h", v: "potential", last: "s" } as const;
export type Out = keyof typeof WRITTEN;

/**
 * Steps of one dispatch of backward, with their potentials in registers, and steps of forward whose inputs are loaded together.
 * Longer runs are cut, and forward saves the potential between two parts. Eight steps of four neurons take over 200 registers
 * on GPUs, sixteen spill; on software adapters eight run as fast as four and take five times as long to compile.
 */
const MOST_STEPS = 4;
/** The same with the gradient of a learned leak on GPUs: four steps take 160 registers there. */
const MOST_STEPS_LEARNED = 2;
/**
 * Longer walks of forward take one step at a time on lavapipe before Mesa 26: with 16 steps of 65,536 to 200,704 neurons, loads of
 * four steps together cost 1.1 to 2.9 times as much there. With 8 steps, and on Mesa 26, they cost as much or less.
 */
const MOST_BLOCKED_OLD_MESA = 8;
const OLD_MESA = /\bMesa (1\d|2[0-5])\./;
/**
 * Items per invocation, NEAR apart in the shaders. Measured on llvmpipe with 4 steps of 401,408 neurons: forward 4.1, 3.5, 3.4,
 * 3.4, 3.3 ms for 1, 2, 4, 8, 16; backward 11, 9.4, 8.5, 11; with w's partial sums 21, 15, 12, 15, 9. That compiler unrolls
 * two, which takes it twice as long.
 */
const ROUNDS_SOFTWARE = 8;
const ROUNDS_HARDWARE = 1;
/** Invocations of a workgroup. */
const LANES = 64;
/** Lanes that a CPU runs together if the adapter does not say. */
const CPU_LANES = 8;

/** The input of a layer. */
export interface Current {
  /** [T, N, *], or [N, *] when `constant`; in backward it may be the potentials before firing, [T, N, *]. */
  readonly x: Tensor;
  /** That of the activations: x, the spikes, and their gradients. */
  readonly dtype: DType;
  /** The same at every step. */
  readonly constant: boolean;
  readonly steps: number;
  /** Shape of one step, [N, *]. */
  readonly one: Shape;
  /** Batch norm before the neurons: statistics [6, C]; x is [.., C, *plane]. */
  readonly norm: { readonly stats: Tensor; readonly channels: number; readonly plane: number } | null;
}

/** Initial state and learned leak. */
interface Begin {
  readonly v0: Tensor | null;
  readonly w: Tensor | null;
}

interface Plan {
  readonly width: 1 | 4;
  readonly items: number;
  readonly rounds: number;
  /** Lanes with adjacent items. */
  readonly near: number;
  readonly groups: number;
  readonly parts: readonly { readonly first: number; readonly steps: number }[];
}

function planWalk({ learned }: Neuron, { one, steps, norm }: Current): Plan {
  const neurons = one.reduce((a, b) => a * b, 1);
  const width = (norm ? norm.plane : neurons) % 4 === 0 ? 4 : 1;
  const items = neurons / width;
  const { software, subgroupSize } = currentGpu().adapter;
  const rounds = software ? ROUNDS_SOFTWARE : ROUNDS_HARDWARE;
  const near = software ? Math.max(subgroupSize, CPU_LANES) : LANES;
  const most = learned && !software ? MOST_STEPS_LEARNED : MOST_STEPS;
  const parts = Array.from({ length: Math.ceil(steps / most) }, (_, i) => {
    return { first: i * most, steps: Math.min(most, steps - i * most) };
  });
  return { width, items, rounds, near, groups: Math.ceil(items / (LANES * rounds)), parts };
}

/** Return the steps that forward writes out, a divisor of those of a part. */
function blockOf({ parts }: Plan, steps: number): number {
  const { software, description } = currentGpu().adapter;
  return software && steps > MOST_BLOCKED_OLD_MESA && OLD_MESA.test(description) ? 1 : parts[0]!.steps;
}

function specOf(neuron: Neuron, current: Current, plan: Plan): Spec {
  const wide = plan.width === 4;
  return {
    Item: wide ? "vec4<f32>" : "f32",
    ...(current.dtype === "f16" && { Stored: wide ? "vec4<f16>" : "f16" }),
    Bits: plan.width === 4 ? "vec4<u32>" : "u32",
    LEARNED: neuron.learned,
    SMOOTH: neuron.smooth,
    CONSTANT: current.constant,
    NORM: current.norm !== null,
    ITEMS_PER_INVOCATION: plan.rounds,
    NEAR: plan.near,
  };
}

function paramsOf(neuron: Neuron, { norm }: Current, { items, width }: Plan) {
  return { items, area: norm ? norm.plane / width : 1, channels: norm?.channels ?? 1, ...neuron.params };
}

/** WebGPU requires every declared binding, so a variant binds a dummy to those it does not use. */
const unused = (): Bindable => empty([4]);
/** The same for bindings that are only read: any tensor of f32. */
const unread = (x: Tensor): Bindable => (x.dtype === "f16" ? unused() : x);

/** Outputs of forward besides y; null if not needed. */
interface Also {
  /** [N, *]: the potential after the last step. */
  readonly last?: Tensor | null;
  /** [T, N, *]: the potentials before firing. */
  readonly h?: Tensor | null;
}

/** Write y as `out` says. Returns the values that backward needs for a long run: the potentials between its parts, [parts - 1, N, *]. */
export function walkForward(
  neuron: Neuron,
  current: Current,
  { v0, w }: Begin,
  out: Out,
  y: Tensor,
  { last = null, h = null }: Also = {},
): Tensor[] {
  const { x, norm, one, steps } = current;
  const plan = planWalk(neuron, current);
  const block = blockOf(plan, steps);
  const end = out === "last" ? y : last;
  const between = plan.parts.length > 1 ? empty([plan.parts.length - 1, ...one]) : null;
  forwardKernel.run({
    bind: {
      x,
      v: v0 ?? unread(x),
      w: w ?? unread(x),
      stats: norm?.stats ?? unread(x),
      y: out === "last" ? unused() : y,
      last: end ?? unused(),
      kept: h ?? unused(),
      between: between ?? unused(),
    },
    params: { ...paramsOf(neuron, current, plan), steps, blocks: Math.ceil(steps / block) },
    spec: {
      ...specOf(neuron, current, plan),
      // Only a smooth neuron fires by its surrogate; the step's derivative is for backward.
      ...(neuron.smooth ? neuron.surrogate : {}),
      HAS_V: v0 !== null,
      WRITE_Y: out !== "last",
      written: WRITTEN[out],
      KEEP_V: end !== null,
      KEEP_H: h !== null,
      KEEP_PARTS: between !== null,
      BLOCK: block,
      PART: plan.parts[0]!.steps / block,
      WHOLE: steps % block === 0,
    },
    grid: grid1d(plan.items),
  });
  return between ? [between] : [];
}

/** Outputs of backward; null if not needed. */
interface Gradients {
  /** Gradient of x; with batch norm, of its result. */
  readonly dx: Tensor;
  readonly dv0: Tensor | null;
  readonly dw: Tensor | null;
}

/** Return memory in f32 for a sum over several parts that is rounded to f16 once; null if dx is not such a sum. */
function roundedSum({ dtype, constant }: Current, { parts }: Plan, dx: Tensor): Tensor | null {
  return dtype === "f16" && constant && parts.length > 1 ? empty(dx.shape) : null;
}

/** Return the spec of what backward reads and writes in f32 although activations are f16. */
function exactTypes({ dtype }: Current, fromH: boolean, total: Tensor | null): Spec {
  return { ...(fromH && dtype === "f16" && { Seen: "Item" }), ...(total && { Total: "Item" }) };
}

/** Run backward of walkForward. `between` is its result; `fromH`: current.x holds the potentials before firing. */
export function walkBackward(
  neuron: Neuron,
  current: Current,
  { v0, w }: Begin,
  between: readonly Tensor[],
  fromH: boolean,
  out: Out,
  dy: Tensor,
  { dx, dv0, dw }: Gradients,
): void {
  const { x, norm, one } = current;
  const plan = planWalk(neuron, current);
  const gv = dv0 ?? empty(one);
  if (out === "last") copyInto(gv, dy);
  const learned = neuron.learned && dw !== null;
  const total = roundedSum(current, plan, dx);
  const dk = learned ? empty([plan.parts.length * plan.groups]) : null;
  for (let part = plan.parts.length - 1; part >= 0; part--) {
    const { first, steps } = plan.parts[part]!;
    const from = part > 0 ? between[0]! : v0;
    const isLast = part === plan.parts.length - 1;
    const last = out === "last";
    backwardKernel.run({
      bind: {
        x,
        v: from ?? unread(x),
        w: w ?? unread(x),
        stats: norm?.stats ?? unread(x),
        dy: last ? x : dy,
        dx: total ?? dx,
        gv,
        dk: dk ?? unused(),
      },
      params: {
        ...paramsOf(neuron, current, plan),
        first,
        begun: Math.max(part - 1, 0) * plan.items,
        slot: part * plan.groups,
        to_s: Number(out === "spike"),
        to_h: Number(out === "h"),
        to_v: Number(out === "v"),
        attached: neuron.detach ? 0 : 1,
      },
      spec: {
        ...specOf(neuron, current, plan),
        ...neuron.surrogate,
        STEPS: steps,
        WIDE: plan.width === 4,
        HAS_V: from !== null,
        HAS_DY: !last,
        FROM_H: fromH,
        ...exactTypes(current, fromH, total),
        HAS_GV: !isLast || last,
        KEEP_GV: part > 0 || dv0 !== null,
        ADD: !isLast,
        SUM_K: learned,
      },
      grid: grid1d(plan.items),
    });
  }
  if (total) convertInto(dx, total);
  if (dk) sumAxesInto("plif", dw!, dk, [0]);
}
