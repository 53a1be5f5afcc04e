// A target sparsity at a constant L1 coefficient. The final threshold D is searched in two thirds of the window and then held, so that
// the threshold is D times the schedule's fraction: with schedule lats, lambda times the sum of the learning rates.
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
/** Measurements in the first half; later ones have the same distance. */
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

/** Shares of the window's steps after which the second part of the search may begin, and the search ends. */
const PARTS = [1 / 2, 2 / 3] as const;
/** Fraction f above which a line is near enough to D, and the second part may begin: exp(-REACH) of the shader. */
const LEAST_FRACTION = Math.exp(-0.4);
/** Measurements that are at most this share of the past old give the slopes. */
const WINDOW = 0.2;
/** Mean age of the steps in the line, as a share of the window's steps. */
const MEMORY = 1 / 16;
/** Steps in which D goes most of the way to what the line says: a share of the window's, and at least as many as weights follow in. */
const REACTION = { share: 1 / 40, least: 25 } as const;

/** A chunk of weights, or groups of weights. */
export interface SearchedChunk {
  /** Their magnitudes. */
  readonly arena: MagnitudeArena;
  /** u32: those of each layer that are not zero, by the last update, `layers` numbers from number `from`. */
  readonly counts: Tensor;
  readonly from: number;
  readonly layers: number;
}

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
 * In the first half of the window, D moves towards a prediction. With q the k-th smallest latent magnitude of all weights together,
 * k = round(target * weights), the share of zeros at the end is the target if D is the q of the end. Measurements of q and of the
 * threshold predict that q as a function of D. Then, until two thirds, and if f > 0.67, D moves towards the d at which logit(share of zeros), by
 * the updates' counts, reaches the target, along its line over ln(d) (steer_search.wgsl has the formulas). Then D stays: the L1
 * coefficient has exactly the schedule's shape from there on. d may fall during the search.
 *
 * Cost     at most 171 measurements in the run, each reads 12 bytes per weight; one invocation reads a count per layer and step.
 *          Nothing waits for the GPU.
 * Resume   call `state.set(...)` with the state of the checkpoint. Later steps have the same bits, if the counts do.
 * Errors   ArgumentError naming the option, the expected and the actual value.
 */
export class SearchedThreshold {
  /**
   * Persistent, f32: threshold d after the last step, D, number of measurements, `heldFrom` or 0, the line, the measurements. For
   * checkpoints.
   */
  readonly state: Tensor;
  /** First step that may be one of the second part, and the first one after the search. */
  private readonly ends: readonly [number, number];
  private readonly options: SearchOptions;
  private readonly every: number;
  /** First D in units of the first q: 1 / sqrt(1 - target), which was nearer to the later D than q itself in all measured runs. */
  private readonly guess: number;
  private readonly rates: readonly [number, number];
  private readonly line: Readonly<Record<"wanted" | "total" | "gain", number>>;
  private readonly chunks: readonly SearchedChunk[];
  private readonly select: MagnitudeSelect;
  private readonly targets: readonly Bindable[];
  private readonly control: Tensor;
  private readonly moved: Tensor;

  /**
   * `chunks` hold the latent weights of all thresholded groups. `targets` is where their thresholds go: [3] f32 each, the
   * threshold now, the next one, and tau = next - now (scheduledThreshold() of a hyper buffer).
   */
  constructor(chunks: readonly SearchedChunk[], targets: readonly Bindable[], options: SearchOptions) {
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
    this.chunks = chunks;
    const [half, all] = PARTS.map((share) => Math.max(1, Math.round(share * steps)));
    this.ends = [start + half!, start + all!];
    this.every = Math.ceil(half! / MEASURED);
    this.guess = half! < LEAST_STEPS ? 1 : Math.max(1 - target, 1e-4) ** -0.5;
    const reaction = Math.max(REACTION.least, REACTION.share * steps);
    this.rates = [1 - (1 - RATE) ** (MEASURED / Math.ceil(half! / this.every)), 1 - Math.exp(-1 / reaction)];
    const arenas = chunks.map((c) => c.arena);
    this.select = new MagnitudeSelect(arenas, { scope: "all" });
    const total = this.select.elements[0]!;
    const rank = Math.round(target * total);
    this.select.setRanks([rank]);
    const wanted = Math.log((rank + 0.5) / (total - rank + 0.5));
    this.line = { wanted, total, gain: 1 - Math.exp(-1 / (MEMORY * steps)) };
    const words = STATE.bytes / 4 + 4 * POINTS;
    const first = new Float32Array(words);
    first[STATE.wordOf("slope")] = 1;
    this.state = persistent(first, [words]);
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
    const [half, end] = this.ends;
    const searches = n >= start && n < end;
    const lines = n >= half && fraction(n) > LEAST_FRACTION;
    const measured = searches && !lines && (n - start) % this.every === 0;
    const outlook = measured ? this.outlook(n) : { rest: 0, pace: 1, calm: 1 };
    const numbers = {
      spent: spent(n),
      before: fraction(n),
      fraction: fraction(n + 1),
      decay,
      ...outlook,
      ...this.line,
    };
    const held_from = n + 1 === end ? end : 0;
    const flags = { searches: Number(searches), measured: Number(measured), lines: Number(lines), held_from };
    const own = { guess: this.guess, rate: this.rates[Number(lines)]!, random: members ** -0.5 };
    // Not kernel parameters: each distinct set of those takes a uniform slot, and these never repeat.
    this.control.set(CONTROL.pack({ ...flags, ...own, ...numbers }));
    if (measured) this.select.run();
    const { state, moved, control, chunks } = this;
    const measure = this.select.thresholds;
    chunks.forEach(({ counts, from, layers }, i) => {
      const params = { from_count: from, layers, first: Number(i === 0), last: Number(i === chunks.length - 1) };
      searchKernel.run({ bind: { control, measure, counts, state, moved }, params, grid: [1] });
    });
    for (const target of this.targets) copyBytes(target, stretch(moved, 0, MOVED));
  }

  /**
   * Return the schedule's outlook at step n. Weights follow the threshold in the time of the learning rate: where f rises much faster
   * in the rest of the run than in the latest measurements, they cannot follow all of it.
   */
  private outlook(n: number): { readonly rest: number; readonly pace: number; readonly calm: number } {
    const { start, steps, fraction, spent, squared } = this.options;
    const [now, squaredNow, left] = [spent(n), squared(n), 1 - spent(n)];
    // The first step of the latest measurements, by bisection.
    let [low, high] = [start, Math.max(start, n)];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (spent(middle) < (1 - WINDOW) * now) low = middle + 1;
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
