// A target sparsity instead of a final threshold D. D is measured during training: it is the magnitude below which the target's
// share of the weights is. The threshold in force is the schedule's share of D.
import steerWgsl from "../../shaders/steer_threshold.wgsl";
import { type Bindable, expectOptions, kernel, readStruct } from "../gpu/index.ts";
import { copyBytes, persistent, stretch, type Tensor } from "../tensor/index.ts";
import { checksOf } from "../text/index.ts";
import { type MagnitudeArena, MagnitudeSelect } from "./magnitude_select.ts";

const check = checksOf("steered threshold");

const steerKernel = kernel("steer_threshold", steerWgsl);

/** Steps whose thresholds the ring holds. */
const TRACE = 256;
const CONTROL = readStruct("steer_threshold", steerWgsl, "Control");
/** threshold_now, threshold_next, tau. */
const MOVED = 3;

/** Options of `SteeredThreshold`. */
export interface SteerOptions {
  /** Final share of zero weights, 0 to 1. */
  readonly target: number;
  /** Steps between two measurements; default 8. */
  readonly every?: number | undefined;
}

/**
 * Steer the soft threshold of all groups to a target sparsity. With q the k-th smallest latent magnitude of all weights
 * together, k = round(target * weights), and f the schedule's fraction after step n:
 *
 *     d(n + 1) = max(d(n), f(n + 1) q)
 *
 * The threshold never falls. At f = 1 it is q, so exactly the target's share is at or below it if magnitudes are distinct. Later
 * moves of the weights change the sparsity.
 *
 * Cost     a measurement reads 12 bytes per weight: 1.5 a step at `every` = 8. Nothing waits for the GPU.
 * Resume   call `state.set(...)` with the state of the checkpoint. Later steps have the same bits, since the steps of
 *          measurements depend on the step number alone.
 * Errors   ArgumentError naming the option, the expected and the actual value.
 */
export class SteeredThreshold {
  /** Persistent, [4] f32: threshold d after the last step, last measured q, two unused. For checkpoints. */
  readonly state: Tensor;
  /** [256] f32: the threshold in force during step n at n % 256, and the one after the last step. */
  readonly trace: Tensor;
  private readonly select: MagnitudeSelect;
  private readonly targets: readonly Bindable[];
  private readonly every: number;
  private readonly control: Tensor;
  private readonly moved: Tensor;
  // Steps in the ring: from `from` up to but not including `until`.
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
    check("every", "an integer >= 1", every, Number.isInteger(every) && every >= 1);
    check("targets", "at least one", targets.length, targets.length > 0);
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
   * Move the threshold for step n (from 0) and write it to the targets. Call it before the step runs, outside a captured step.
   * Measures first if n is a multiple of `every`, or if `measure` is true.
   *
   * Units    fractionNext: the schedule's f(n + 1) in [0, 1]; 0 does not move the threshold.
   * Errors   ArgumentError for another n or fraction, CaptureError while a step is captured.
   */
  step(n: number, fractionNext: number, options: { readonly measure?: boolean | undefined } = {}): void {
    check("step", "an integer >= 0", n, Number.isInteger(n) && n >= 0);
    check("fraction", "a number from 0 to 1", fractionNext, fractionNext >= 0 && fractionNext <= 1);
    const measured = options.measure ?? n % this.every === 0;
    // Not kernel parameters: each distinct set of those takes a uniform slot, and these never repeat.
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
   * Read the thresholds in force during steps first .. end - 1, in units of the weights. The step after the last is in the ring
   * too. Waits for the GPU. Throws ArgumentError for steps that the ring of 256 does not hold.
   */
  async thresholds(first: number, end: number): Promise<number[]> {
    const whole = Number.isInteger(first) && Number.isInteger(end);
    const known = first >= this.from && end <= this.until && first <= end;
    check("thresholds", `steps from ${this.from} until ${this.until}`, `${first} until ${end}`, whole && known);
    const ring = await this.trace.data();
    return Array.from({ length: end - first }, (_, i) => ring[(first + i) % TRACE]!);
  }

  /** Free its memory. */
  dispose(): void {
    for (const t of [this.state, this.trace, this.control, this.moved]) t.dispose();
    this.select.dispose();
  }
}
