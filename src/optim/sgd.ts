// SGD with momentum, weight decay and soft threshold, fused: one dispatch per parameter group and arena chunk.
import updateWgsl from "../../shaders/sgd_soft_threshold.wgsl";
import { currentGpu, grid1d, kernel, OpError } from "../gpu/index.ts";
import type { Parameter } from "../nn/parameter.ts";
import { fillZero, persistent, readAll, type Tensor } from "../tensor/index.ts";
import { type ArenaChunk, buildArena } from "./param_arena.ts";

const updateKernel = kernel("sgd_soft_threshold", updateWgsl);

/**
 * How the threshold acts on a group.
 * - `latent`: a stored theta is updated with the gradient of W = S(theta, d), straight through; pruned weights keep their
 *   memory and may regrow (LATS, STDS).
 * - `inplace`: only W is stored; each step ends with S(W, d_next - d_now), which is proximal SGD (ISTA).
 * - `none`: plain SGD.
 * The two differ once a weight is zero; both apply the L1 coefficient (d_next - d_now) / lr.
 */
export type ThresholdMode = "latent" | "inplace" | "none";

export interface SGDOptions {
  readonly lr: number;
  /** Default 0. */
  readonly momentum?: number;
  /** First momentum value is the whole gradient, later ones take 1 - dampening of it. Default 0. */
  readonly dampening?: number;
  readonly nesterov?: boolean;
  /** L2 coefficient, coupled: added to the gradient. Default 0. */
  readonly weightDecay?: number;
  readonly mode?: ThresholdMode;
  /** What weight decay pulls on: theta (default for `latent`) or W (default for `inplace`). */
  readonly decayTarget?: "latent" | "effective";
}

export interface ParamGroup extends Partial<SGDOptions> {
  readonly params: readonly Parameter[];
}

/** Values that may change from step to step; they live in a GPU buffer, so a replayed step sees them. */
export interface StepValues {
  readonly lr?: number;
  readonly momentum?: number;
  readonly weightDecay?: number;
  /** Threshold in force during this step's forward pass. */
  readonly threshold?: number;
  /** Threshold after this step's update. */
  readonly thresholdNext?: number;
  /** Shrinkage of `inplace`; default thresholdNext - threshold, subtracted in float64. */
  readonly tau?: number;
}

const MODES = { latent: 0, inplace: 1, none: 2 } as const;

/** Parameters that share options, their arenas and this step's numbers. */
export class Group {
  readonly chunks: ArenaChunk[];
  readonly options: Required<SGDOptions>;
  readonly hyper: Tensor;
  readonly values: { -readonly [K in keyof StepValues]-?: number } = {
    lr: 0,
    momentum: 0,
    weightDecay: 0,
    threshold: 0,
    thresholdNext: 0,
    tau: 0,
  };

  constructor(params: readonly Parameter[], options: Required<SGDOptions>) {
    this.options = options;
    const { lr, momentum, weightDecay, mode } = options;
    this.chunks = buildArena(params, { latent: mode === "latent", momentum: momentum > 0 });
    this.hyper = persistent(new Float32Array(8), [8]);
    Object.assign(this.values, { lr, momentum, weightDecay });
  }

  write(firstStep: boolean): void {
    const v = this.values;
    const scale = firstStep ? 1 : 1 - this.options.dampening;
    this.hyper.set([v.lr, v.threshold, v.thresholdNext, v.tau, scale, v.momentum, v.weightDecay, 0]);
  }
}

function checkOptions(o: Required<SGDOptions>): void {
  const fail = (what: string, want: string, have: unknown) => {
    throw new OpError("SGD", `${what} wants ${want}, was given ${have}`);
  };
  if (!(o.lr >= 0 && Number.isFinite(o.lr))) fail("lr", "a number >= 0", o.lr);
  if (!(o.momentum >= 0 && o.momentum < 1)) fail("momentum", "0 <= momentum < 1", o.momentum);
  if (!(o.weightDecay >= 0 && Number.isFinite(o.weightDecay))) fail("weightDecay", "a number >= 0", o.weightDecay);
  if (!(o.dampening >= 0 && o.dampening <= 1)) fail("dampening", "0 <= dampening <= 1", o.dampening);
  if (o.nesterov && (o.momentum === 0 || o.dampening !== 0))
    fail("nesterov", "momentum > 0 and no dampening", "neither");
  if (!(o.mode in MODES)) fail("mode", "latent, inplace or none", o.mode);
}

/** Zeros and churn of one parameter, as the last update counted them. */
export interface LayerCounts {
  readonly param: Parameter;
  readonly nonzero: number;
  /** Entries that went from non-zero to zero, since the start or `resetChurn`. */
  readonly pruned: number;
  readonly regrown: number;
}

export class SGD {
  readonly groups: readonly Group[];
  /** Steps that count as done: 0 means that the next one is the first (it matters for dampening). */
  stepsDone = 0;
  /** [1] u32: 0xffffffff while all is well; anything else freezes the weights (train/meter.ts sets it on a bad loss). */
  readonly guard: Tensor;

  /** Takes over the parameters' memory: from now on they are slices of the optimiser's arenas. */
  constructor(params: readonly Parameter[] | readonly ParamGroup[], options: SGDOptions) {
    const isGroup = (p: Parameter | ParamGroup): p is ParamGroup => "params" in p;
    const list = params as readonly (Parameter | ParamGroup)[];
    if (list.length === 0) throw new OpError("SGD", "wants at least one parameter: the list is empty");
    const groups: ParamGroup[] = list.every(isGroup)
      ? (list as ParamGroup[])
      : [{ params: list as readonly Parameter[] }];
    const all = groups.flatMap((g) => g.params);
    if (new Set(all).size !== all.length) throw new OpError("SGD", "a parameter appears twice in the groups");
    this.groups = groups.map(({ params: members, ...own }) => {
      const mode = own.mode ?? options.mode ?? "none";
      const merged: Required<SGDOptions> = {
        momentum: 0,
        dampening: 0,
        nesterov: false,
        weightDecay: 0,
        decayTarget: mode === "inplace" ? "effective" : "latent",
        ...options,
        ...own,
        mode,
      };
      checkOptions(merged);
      return new Group(members, merged);
    });
    this.guard = persistent(new Uint32Array([0xffffffff]), [1]);
    for (const group of this.groups) group.write(true);
  }

  /** Sets this step's numbers, for all groups or for one. Call outside a captured step, before it runs. */
  set(values: StepValues, group?: number): void {
    this.groups.forEach((g, i) => {
      if (group !== undefined && group !== i) return;
      const v = g.values;
      Object.assign(v, values);
      if (values.tau === undefined && (values.threshold !== undefined || values.thresholdNext !== undefined)) {
        v.tau = v.thresholdNext - v.threshold;
      }
      if (!(v.threshold >= 0 && v.thresholdNext >= 0 && v.tau >= 0)) {
        throw new OpError("SGD", `thresholds want 0 <= now <= next, was given ${v.threshold} and ${v.thresholdNext}`);
      }
      g.write(this.stepsDone === 0);
    });
  }

  /** Enqueues the update. Parameters that got no gradient since the last step count as having a zero one. */
  step(): void {
    for (const { chunks, hyper, options } of this.groups) {
      for (const chunk of chunks) {
        for (const p of chunk.params) {
          if (!p.gradArrived && p.grad) fillZero(p.grad);
          p.gradArrived = false;
        }
        this.update(chunk, hyper, options);
      }
    }
  }

  private update(chunk: ArenaChunk, hyper: Tensor, options: Required<SGDOptions>): void {
    const layers = chunk.params.length;
    const { buffer, offset } = chunk.counts.view;
    currentGpu().stream.enqueue({ kind: "clear", target: buffer, targetOffset: offset, bytes: layers * 4 });
    const dummy = (k: number) => this.dummy(k);
    updateKernel.run({
      bind: {
        gradient: chunk.gradient,
        velocity: chunk.velocity ?? dummy(0),
        latent: chunk.theta,
        weight: chunk.weight ?? dummy(1),
        segment: chunk.segmentTable,
        counts: chunk.counts,
        hyper,
        guard: this.guard,
      },
      params: { segments: chunk.segments, layers },
      spec: {
        MODE: MODES[options.mode],
        MOMENTUM: chunk.velocity !== null,
        NESTEROV: options.nesterov,
        DECAY_EFFECTIVE: options.decayTarget === "effective",
        STORES_WEIGHT: chunk.weight !== null,
      },
      grid: grid1d(chunk.segments, 1),
    });
  }

  private readonly dummies: Tensor[] = [];
  // Bindings must exist even where a variant does not touch them; writable ones may not share memory.
  private dummy(k: number): Tensor {
    this.dummies[k] ??= persistent(new Float32Array(4), [4]);
    return this.dummies[k] as Tensor;
  }

  /** Forgets gradients that arrived since the last step. */
  zeroGrad(): void {
    for (const group of this.groups) for (const c of group.chunks) for (const p of c.params) p.gradArrived = false;
  }

  /** Reads the counts of the last update. Waits for the GPU. */
  async counts(): Promise<LayerCounts[]> {
    const chunks = this.groups.flatMap((g) => g.chunks);
    const data = await readAll(...chunks.map((c) => c.counts));
    return chunks.flatMap((c, k) => {
      const n = c.params.length;
      const at = (row: number, i: number) => (data[k] as Uint32Array)[row * n + i] as number;
      return c.params.map((param, i) => ({ param, nonzero: at(0, i), pruned: at(1, i), regrown: at(2, i) }));
    });
  }

  /** Momentum of a parameter, or null when the group has none. */
  velocityOf(param: Parameter): Tensor | null {
    for (const g of this.groups) {
      for (const c of g.chunks) {
        const i = c.params.indexOf(param);
        if (i >= 0) return c.velocity ? c.slice(c.velocity, i, param.shape) : null;
      }
    }
    throw new OpError("SGD", "this parameter belongs to another optimizer", { param });
  }

  dispose(): void {
    for (const g of this.groups) {
      g.hyper.dispose();
      for (const c of g.chunks) c.dispose();
    }
    this.guard.dispose();
    for (const t of this.dummies) t?.dispose();
  }
}
