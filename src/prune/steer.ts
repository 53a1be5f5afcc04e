// A target sparsity instead of a final threshold D: D is measured while training goes on, as the magnitude below which the
// target's share of the weights lies, and the threshold in force is the schedule's share of it.
import steerWgsl from "../../shaders/steer_threshold.wgsl";
import { type Bindable, expectOptions, kernel, readStruct } from "../gpu/index.ts";
import { copyBytes, persistent, stretch, type Tensor } from "../tensor/index.ts";
import { checksOf } from "./check.ts";
import { type MagnitudeArena, MagnitudeSelect } from "./magnitude_select.ts";

const check = checksOf("steered threshold");

const steerKernel = kernel("steer_threshold", steerWgsl);

/** Steps whose thresholds the ring keeps. */
const TRACE = 256;
const CONTROL = readStruct("steer_threshold", steerWgsl, "Control");
/** threshold_now, threshold_next, tau. */
const MOVED = 3;

export interface SteerOptions {
  /** Share of the weights that shall be zero in the end, 0 to 1. */
  readonly target: number;
  /** Steps from one measurement to the next; default 8. */
  readonly every?: number | undefined;
}

/**
 * Steers the soft threshold of all groups to a target sparsity. With q the k-th smallest latent magnitude of all weights
 * together, k = round(target * weights), and f the schedule's fraction after step n:
 *
 *     d(n + 1) = max(d(n), f(n + 1) q)
 *
 * The threshold never falls, as the schedules promise. At f = 1 it is q, so the target's share is exactly at or below it
 * (of distinct magnitudes); the weights' last moves after that are what sparsity may differ by.
 *
 * Cost     a measurement reads 12 bytes per weight: 1.5 a step at `every` = 8. Nothing waits for the GPU.
 * Resume   `state.set(...)` with the state of the checkpoint: later steps have the same bits, since measurements depend on the
 *          step's number alone.
 * Errors   ArgumentError naming the option, what was wanted and what was given.
 */
export class SteeredThreshold {
  /** Persistent, [4] f32: threshold d after the last step, last measured q, two spare. For checkpoints. */
  readonly state: Tensor;
  /** [256] f32: the threshold in force during step n at n % 256, and the one after the last step. */
  readonly trace: Tensor;
  private readonly select: MagnitudeSelect;
  private readonly targets: readonly Bindable[];
  private readonly every: number;
  private readonly control: Tensor;
  private readonly moved: Tensor;
  // Steps that the ring knows: from, up to but not including.
  private from = 0;
  private until = 0;

  /**
   * `arenas` hold the latent weights of all thresholded groups. `targets` is where their thresholds go: [3] f32 each, the
   * threshold now, the next one, and tau = next - now (scheduledThreshold() of a hyper buffer).
   */
  constructor(arenas: readonly MagnitudeArena[], targets: readonly Bindable[], options: SteerOptions) {
    expectOptions("SteeredThreshold", options, { target: true, every: true });
    const { target, every = 8 } = options;
    check("target", "a share from 0 to 1", target, target >= 0 && target <= 1);
    check("every", "a whole number of steps >= 1", every, Number.isInteger(every) && every >= 1);
    check("targets", "at least one", `${targets.length} of them`, targets.length > 0);
    for (const { view } of targets) check("a target", "3 f32", `${view.bytes} bytes`, view.bytes === 4 * MOVED);
    this.every = every;
    this.targets = targets;
    this.select = new MagnitudeSelect(arenas, { scope: "all" });
    this.select.setRanks([Math.round(target * this.select.elements[0]!)]);
    this.state = persistent(new Float32Array(4), [4]);
    this.trace = persistent(new Float32Array(TRACE), [TRACE]);
    this.control = persistent(new Uint32Array(4), [4]);
    this.moved = persistent(new Float32Array(4), [4]);
  }

  /**
   * Moves the threshold for step n (from 0) and writes it into the hyper buffers; call before the step runs, outside a
   * captured one. Measures first when n is a multiple of `every`, or as `measure` says.
   *
   * Units    fractionNext: the schedule's f(n + 1) in [0, 1]; 0 leaves the threshold where it is.
   * Errors   ArgumentError for another n or fraction, CaptureError while a step is captured.
   */
  step(n: number, fractionNext: number, options: { readonly measure?: boolean | undefined } = {}): void {
    check("step", "a whole number >= 0", n, Number.isInteger(n) && n >= 0);
    check("fraction", "a number from 0 to 1", fractionNext, fractionNext >= 0 && fractionNext <= 1);
    const measured = options.measure ?? n % this.every === 0;
    // Not parameters of the kernel: equal ones share a uniform slot for good, and these never repeat.
    const [slot, slot_next] = [n % TRACE, (n + 1) % TRACE];
    this.control.set(CONTROL.pack({ slot, slot_next, measured: Number(measured), fraction: fractionNext }));
    if (measured) this.select.run();
    const { state, trace, moved } = this;
    steerKernel.run({
      bind: { control: this.control, measure: this.select.thresholds, state, trace, moved },
      grid: [1],
    });
    for (const target of this.targets) copyBytes(target, stretch(moved, 0, MOVED));
    if (n + 1 !== this.until) this.from = n;
    this.until = n + 2;
    this.from = Math.max(this.from, this.until - TRACE);
  }

  /**
   * Thresholds in force during steps first .. end - 1, in units of the weights; the step after the last may be among them.
   * Waits for the GPU. Throws ArgumentError for steps that the ring of 256 does not hold.
   */
  async thresholds(first: number, end: number): Promise<number[]> {
    const whole = Number.isInteger(first) && Number.isInteger(end);
    const known = first >= this.from && end <= this.until && first <= end;
    check("thresholds", `steps from ${this.from} until ${this.until}`, `${first} until ${end}`, whole && known);
    const ring = await this.trace.data();
    return Array.from({ length: end - first }, (_, i) => ring[(first + i) % TRACE]!);
  }

  dispose(): void {
    for (const t of [this.state, this.trace, this.control, this.moved]) t.dispose();
    this.select.dispose();
  }
}
