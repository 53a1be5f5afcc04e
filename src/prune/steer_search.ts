// A target sparsity at a constant L1 coefficient. The final threshold D is searched in the first half of the window, or two thirds, and
// then held, so that the threshold is D times the schedule's fraction: with schedule lats, lambda times the sum of the learning rates.
import searchWgsl from "../../shaders/steer_search.wgsl";
import { type Bindable, expectOptions, kernel, readStruct } from "../gpu/index.ts";
import { copyBytes, persistent, stretch, type Tensor } from "../tensor/index.ts";
import { checksOf, type KeysOf } from "../text/index.ts";
import { type MagnitudeArena, MagnitudeSelect } from "./magnitude_select.ts";

const check = checksOf("searched threshold");

const searchKernel = kernel("steer_search", searchWgsl);
const CONTROL = readStruct("steer_search", searchWgsl, "Control");
const STATE = readStruct("steer_search", searchWgsl, "State");
const POINTS = Number(/^const POINTS: u32 = (\d+)u;/m.exec(searchWgsl)![1]);
/** Measurements in the first half, besides its last one. */
const MEASURED = 128;
/** Share of the way from D to its solution in a measurement, if there are that many. */
const RATE = 0.06;
/** Steps of a search that can correct the guess of D. */
const LEAST_STEPS = 32;
/** Largest slope of f, over the learning rate spent, that weights can follow: this factor times that of the latest measurements. */
const MOST_PACE = 3;
/** Smallest slope of f in the latest measurements. */
const LEAST_PACE = 1e-6;
/** Intervals in which the rest of f is summed. */
const STOPS = 256;
/** threshold_now, threshold_next, tau. */
const MOVED = 3;

const OPTIONS: KeysOf<SearchOptions> = {
  ...{ target: true, start: true, steps: true, fraction: true, spent: true, squared: true, members: true, decay: true },
};

/** Shares of the window's steps in which D is searched: the usual one, and the largest. */
const SEARCH = [1 / 2, 2 / 3] as const;
/**
 * Numbers of the two parts of the search. Window: measurements that are at most this share of the past old count, more of them later,
 * where q moves less. Close: part of the weights' following that is not random; late in a run they follow less than before.
 */
const PARTS = [
  { window: 0.2, close: 1 },
  { window: 0.4, close: 0.96 },
] as const;

/** Options of `SearchedThreshold`. */
export interface SearchOptions {
  /** Final share of zero weights, 0 to 1. */
  readonly target: number;
  /** First step of the window. */
  readonly start: number;
  /** Steps of the window. */
  readonly steps: number;
  /** The schedule's fraction f after n steps. */
  readonly fraction: (n: number) => number;
  /** Share of the window's learning rate before step n. */
  readonly spent: (n: number) => number;
  /** Share of the squared learning rates of the window before step n. */
  readonly squared: (n: number) => number;
  /** Mean number of weights that become zero together, >= 1. Default 1. */
  readonly members?: number | undefined;
  /** Share by which weight decay shrinks an idle latent weight in the window: decay · sum of rates / (1 - momentum). Default 0. */
  readonly decay?: number | undefined;
}

/**
 * Search the final threshold D of a schedule for a target sparsity, and then hold it:
 *
 *     d(n + 1) = D f(n + 1)
 *
 * With q the k-th smallest latent magnitude of all weights together, k = round(target * weights), the share of zeros at the end is
 * the target if D is the q of the end. In the first half of the window, measurements of q and of the threshold predict that
 * value as a function of D (steer_search.wgsl has the formula), and D moves towards the solution. If q is then still more than D / 10
 * from the q of the end, by the prediction, the search goes on until two thirds. After the last measurement D stays: the L1
 * coefficient has exactly the schedule's shape from there on. d may fall during the search.
 *
 * Cost     at most 173 measurements in the run, each reads 12 bytes per weight. Nothing waits for the GPU.
 * Resume   call `state.set(...)` with the state of the checkpoint. Later steps have the same bits.
 * Errors   ArgumentError naming the option, the expected and the actual value.
 */
export class SearchedThreshold {
  /** Persistent, f32: threshold d after the last step, D, number of measurements, `heldFrom` or 0, the measurements. For checkpoints. */
  readonly state: Tensor;
  /** First steps after a search of the first half, and after the longer one. */
  private readonly ends: readonly [number, number];
  private readonly options: SearchOptions;
  private readonly every: number;
  /** First D in units of the first q: 1 / sqrt(1 - target), which was nearer to the later D than q itself in all measured runs. */
  private readonly guess: number;
  private readonly rate: number;
  private readonly select: MagnitudeSelect;
  private readonly targets: readonly Bindable[];
  private readonly control: Tensor;
  private readonly moved: Tensor;

  /**
   * `arenas` hold the latent weights of all thresholded groups. `targets` is where their thresholds go: [3] f32 each, the
   * threshold now, the next one, and tau = next - now (scheduledThreshold() of a hyper buffer).
   */
  constructor(arenas: readonly MagnitudeArena[], targets: readonly Bindable[], options: SearchOptions) {
    expectOptions("SearchedThreshold", options, OPTIONS);
    const { target, start, steps, decay = 0, members = 1 } = options;
    check("target", "a share from 0 to 1", target, target >= 0 && target <= 1);
    check("start", "an integer >= 0", start, Number.isInteger(start) && start >= 0);
    check("steps", "an integer >= 1", steps, Number.isInteger(steps) && steps >= 1);
    check("decay", "a finite number >= 0", decay, Number.isFinite(decay) && decay >= 0);
    check("members", "a finite number >= 1", members, Number.isFinite(members) && members >= 1);
    check("targets", "at least one", targets.length, targets.length > 0);
    for (const { view } of targets) check("a target", "3 f32", `${view.bytes} bytes`, view.bytes === 4 * MOVED);
    this.options = options;
    this.targets = targets;
    const [searched, longest] = SEARCH.map((share) => Math.max(1, Math.round(share * steps)));
    this.ends = [start + searched!, start + longest!];
    this.every = Math.ceil(searched! / MEASURED);
    this.guess = searched! < LEAST_STEPS ? 1 : Math.max(1 - target, 1e-4) ** -0.5;
    this.rate = 1 - (1 - RATE) ** (MEASURED / Math.ceil(searched! / this.every));
    this.select = new MagnitudeSelect(arenas, { scope: "all" });
    this.select.setRanks([Math.round(target * this.select.elements[0]!)]);
    const words = STATE.bytes / 4 + 4 * POINTS;
    this.state = persistent(new Float32Array(words), [words]);
    this.control = persistent(new Uint32Array(CONTROL.bytes / 4), [CONTROL.bytes / 4]);
    this.moved = persistent(new Float32Array(4), [4]);
  }

  /**
   * Move the threshold for step n (from 0) and write it to the targets. Call it before the step runs, outside a captured step, for
   * each step from `start` on. Errors: ArgumentError for another n, CaptureError while a step is captured.
   */
  step(n: number): void {
    check("step", "an integer >= 0", n, Number.isInteger(n) && n >= 0);
    const { start, fraction, spent, decay = 0, members = 1 } = this.options;
    const [usual, longest] = this.ends;
    const held_from = n + 1;
    const ends = held_from === longest ? 2 : Number(held_from === usual);
    const measured = ends > 0 || (n >= start && n < longest && (n - start) % this.every === 0);
    // Not kernel parameters: each distinct set of those takes a uniform slot, and these never repeat.
    const part = PARTS[n < usual ? 0 : 1];
    const outlook = measured ? this.outlook(n, part.window) : { rest: 0, pace: 1, calm: 1 };
    const numbers = { spent: spent(n), before: fraction(n), fraction: fraction(n + 1), decay, ...outlook };
    const { guess, rate } = this;
    const own = { measured: Number(measured), ends, held_from, guess, rate, ...part, random: members ** -0.5 };
    this.control.set(CONTROL.pack({ ...own, ...numbers }));
    if (measured) this.select.run();
    const { state, moved } = this;
    searchKernel.run({ bind: { control: this.control, measure: this.select.thresholds, state, moved }, grid: [1] });
    for (const target of this.targets) copyBytes(target, stretch(moved, 0, MOVED));
  }

  /**
   * Return the schedule's outlook at step n. Weights follow the threshold in the time of the learning rate: where f rises much faster
   * in the rest of the run than in the latest measurements, they cannot follow all of it.
   */
  private outlook(n: number, window: number): { readonly rest: number; readonly pace: number; readonly calm: number } {
    const { start, steps, fraction, spent, squared } = this.options;
    const [now, squaredNow, left] = [spent(n), squared(n), 1 - spent(n)];
    // The first step of the latest measurements, by bisection.
    let [low, high] = [start, Math.max(start, n)];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (spent(middle) < (1 - window) * now) low = middle + 1;
      else high = middle;
    }
    const past = now - spent(low);
    if (past <= 0 || left <= 0) return { rest: 1 - fraction(n), pace: 1, calm: 1 };
    const pace = Math.max((fraction(n) - fraction(low)) / past, LEAST_PACE);
    const stops = Math.min(STOPS, start + steps - n);
    const stop = (i: number) => n + Math.round((i * (start + steps - n)) / stops);
    let rest = 0;
    for (let i = 0; i < stops; i++) {
      const [from, to] = [stop(i), stop(i + 1)];
      rest += Math.min(fraction(to) - fraction(from), MOST_PACE * pace * (spent(to) - spent(from)));
    }
    const moves = (squaredNow - squared(low)) / past;
    return { rest, pace, calm: moves > 0 ? Math.min(1, (1 - squaredNow) / left / moves) : 1 };
  }

  /**
   * Read the threshold in force after the last step, D, and the first step after the search: from there on each increment is that of the
   * schedule. Waits for the GPU.
   */
  async read(): Promise<{ readonly threshold: number; readonly final: number; readonly heldFrom: number | null }> {
    const [threshold, final, , heldFrom] = await this.state.data();
    return { threshold: threshold!, final: final!, heldFrom: heldFrom! || null };
  }

  /** Free its memory. */
  dispose(): void {
    for (const t of [this.state, this.control, this.moved]) t.dispose();
    this.select.dispose();
  }
}
