// LIF neurons made of separate ops: three dispatches per step and pass, with potentials and gradients in memory.
import { grid1d, kernel } from "../../src/gpu/index.ts";
import { empty, type Tensor } from "../../src/tensor/index.ts";
import gradWgsl from "../shaders/lif_step_grad_naive.wgsl";
import stepWgsl from "../shaders/lif_step_naive.wgsl";

const stepKernel = kernel("lif_step_naive", stepWgsl);
const gradKernel = kernel("lif_step_grad_naive", gradWgsl);

const CHARGE = 0;
const FIRE = 1;
const RESET = 2;
/** Stages of the backward pass, in order. */
const BACK = [0, 1, 2] as const;
/** The engine's defaults: tau 2, threshold 1, hard reset to 0, sigmoid surrogate. */
const NEURON = { k: 0.5, threshold: 1 } as const;
const ALPHA = 4;

interface NaiveWalk {
  /** Spikes, [T, *]. */
  readonly spikes: Tensor;
  /** Potentials before firing, [T, *]. */
  readonly potentials: Tensor;
}

/** Run the forward pass of x [T, *]. */
export function naiveLif(x: Tensor): NaiveWalk {
  const [steps = 1, ...one] = x.shape;
  const [spikes, potentials, v] = [empty(x.shape), empty(x.shape), empty(one)];
  const grid = grid1d(v.numel);
  for (let t = 0; t < steps; t++) {
    const at = t * v.numel;
    const stage = (op: number, a: Tensor, b: Tensor, y: Tensor) =>
      stepKernel.run({
        bind: { a, b, y },
        params: {
          n: v.numel,
          at_a: at,
          at_b: b === v ? 0 : at,
          at_y: y === v ? 0 : at,
          begin: t === 0 ? 1 : 0,
          ...NEURON,
        },
        spec: { OP: op },
        grid,
      });
    stage(CHARGE, x, v, potentials);
    stage(FIRE, potentials, x, spikes);
    stage(RESET, potentials, spikes, v);
  }
  return { spikes, potentials };
}

/** Compute the gradient of x from that of the spikes. */
export function naiveLifGradient({ spikes, potentials }: NaiveWalk, dy: Tensor): Tensor {
  const [steps = 1, ...one] = dy.shape;
  const gx = empty(dy.shape);
  const [gs, gh, gv] = [empty(one), empty(one), empty(one)];
  const bind = { h: potentials, s: spikes, dy, gs, gh, gv, gx };
  for (let t = steps - 1; t >= 0; t--) {
    const params = { n: gv.numel, at: t * gv.numel, begin: t === steps - 1 ? 1 : 0, ...NEURON, alpha: ALPHA };
    for (const op of BACK) {
      gradKernel.run({ bind, params, spec: { OP: op }, grid: grid1d(gv.numel) });
    }
  }
  return gx;
}
