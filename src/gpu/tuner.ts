// The autotuner: chooses among a few kernels that compute the same, by timing them on the current adapter. Ops enqueue
// without waiting, so the choice has two steps. An op with a new shape uses the rule's kernel and registers the alternatives;
// `await gpu.tuner.tune()` then times them, and from then on the op uses the fastest.
// A step that was captured keeps the kernels it was captured with.
import { debugLog } from "./debug.ts";
import { OpError } from "./errors.ts";
import type { Candidate, Entry, Trial, TuneClock, TunedGpu, TuneStore, Wanted } from "./tune_trial.ts";

/** off: always the rule. on: measure everywhere. auto: measure on hardware; on software adapters a trial costs seconds of compilation. */
export type TuneMode = "off" | "auto" | "on";
const TUNE_MODES: readonly TuneMode[] = ["off", "auto", "on"];

export interface TunerOptions {
  /** Default "off". */
  readonly mode?: TuneMode;
  readonly store?: TuneStore | null;
  /** Milliseconds that all calls of `tune` may take together. Untried choices then keep the rule. Default 60,000. */
  readonly budgetMs?: number;
}

export interface Choice<C extends Candidate> {
  /** The computation, with every size that matters. Sizes in classes (`tuneClass`) share a winner. */
  readonly key: string;
  /** Multiply-adds, approximately: large ones are tried first. */
  readonly work: number;
  /** Bytes of the operands and the result. With `work` they bound the time from below. Default 0. */
  readonly bytes?: number;
  /** Runs without a measurement. */
  rule(): C;
  /** Alternatives: few, and with no larger workspace than the rule's, so that memory plans stay valid. */
  others(): readonly C[];
  trial(): Trial<C>;
}

/** Largest size that a key holds exactly. */
const EXACT = 256;

/** Return the class of a size in a key: the size itself up to 256, above the next power of two. */
export function tuneClass(size: number): number {
  return size <= EXACT ? size : 2 ** Math.ceil(Math.log2(size));
}

/** Result of one call of `tune`. */
export interface TuneReport {
  /** Keys decided by this call. */
  readonly measured: number;
  /** Keys left with the rule because the budget was used up. */
  readonly left: number;
  readonly ms: number;
}

const DEFAULT_BUDGET_MS = 60_000;

const defaults: { mode: TuneMode; store: TuneStore | null } = { mode: "auto", store: null };

/** Defaults of `requestGpu`. A Node host sets them from ESPALIER_TUNE and its cache. */
export function configureTuning(change: Partial<typeof defaults>): void {
  if (change.mode !== undefined) checkMode("configureTuning", change.mode);
  Object.assign(defaults, change);
}
export function tuningDefaults(): Readonly<typeof defaults> {
  return defaults;
}

function checkMode(who: string, mode: TuneMode): void {
  if (!TUNE_MODES.includes(mode))
    throw new OpError(who, `tune: expected one of ${TUNE_MODES.join(", ")}, got ${JSON.stringify(mode)}`);
}

/** Chooses among kernels for the same work by timing them on the adapter. */
export class Tuner {
  /** False if the rule decides everything: callers need not name candidates then. */
  readonly active: boolean;
  private readonly gpu: TunedGpu;
  private readonly store: TuneStore | null;
  private readonly budgetMs: number;
  private readonly clock: TuneClock | undefined;
  private readonly entries = new Map<string, Entry>();
  private winners: Record<string, string> = {};
  private spentMs = 0;
  private running: Promise<TuneReport> | null = null;

  /** @internal `clock` replaces the measurement of times. */
  constructor(
    gpu: TunedGpu,
    { mode = "off", store = null, budgetMs = DEFAULT_BUDGET_MS }: TunerOptions = {},
    clock?: TuneClock,
  ) {
    checkMode("requestGpu", mode);
    if (!(budgetMs >= 0)) throw new OpError("requestGpu", `tuning budget: expected milliseconds >= 0, got ${budgetMs}`);
    this.gpu = gpu;
    this.active = mode === "on" || (mode === "auto" && !gpu.adapter.software);
    this.store = store;
    this.budgetMs = budgetMs;
    this.clock = clock;
  }

  /** @internal The store's key: an adapter and its driver. */
  get adapterKey(): string {
    const { vendor, architecture, device, description, subgroupSize } = this.gpu.adapter;
    return [vendor, architecture, device, description, `${subgroupSize} lanes`].join(" | ");
  }

  /** @internal Read stored winners. A store that fails only costs measurements. */
  async load(): Promise<void> {
    if (!this.active || !this.store) return;
    try {
      this.winners = { ...(await this.store.load(this.adapterKey)) };
    } catch (cause) {
      debugLog(`tune: the store was not read: ${cause instanceof Error ? cause.message : cause}`);
    }
  }

  /**
   * @internal Return the candidate to run now: the winner of a measurement, else the rule's. Within a process a choice stays once
   * decided. Shapes of one key share the winner's label; each has its own candidate of that label.
   */
  pick<C extends Candidate>(choice: Choice<C>): C {
    const rule = choice.rule();
    if (!this.active) return rule;
    const known = this.entries.get(choice.key);
    if (known && (known.chosen ?? rule.label) === rule.label && (!known.wanted || known.wanted.work >= choice.work))
      return rule;
    const candidates = [rule, ...choice.others()].filter(
      ({ label }, i, all) => all.findIndex((c) => c.label === label) === i,
    );
    const entry = known ?? { rule: rule.label, chosen: this.stored(choice.key, candidates), wanted: null };
    this.entries.set(choice.key, entry);
    if (entry.chosen !== null) return candidates.find(({ label }) => label === entry.chosen) ?? rule;
    if (candidates.length > 1) {
      const { work, bytes = 0 } = choice;
      // The trial runs the candidates of this choice, which are all C.
      entry.wanted = { work, bytes, candidates, trial: () => choice.trial() } as Wanted;
    }
    return rule;
  }

  /** Return a stored label if it is that of a candidate. */
  private stored(key: string, candidates: readonly Candidate[]): string | null {
    return candidates.find(({ label }) => label === this.winners[key])?.label ?? null;
  }

  /** Return the labels of the current choices, by key. */
  choices(): ReadonlyMap<string, string> {
    return new Map([...this.entries].map(([key, { chosen, rule }]) => [key, chosen ?? rule]));
  }

  /**
   * Time the candidates of every choice that came up since the last call, largest first, and store the winners. Call
   * it between steps, before the step is captured; `rehearse` makes a step's choices come up without running it.
   * Waits for the GPU. Throws CaptureError while a step is recorded, and errors of the device.
   */
  tune(): Promise<TuneReport> {
    this.running ??= this.tuneWanted().finally(() => {
      this.running = null;
    });
    return this.running;
  }

  private async tuneWanted(): Promise<TuneReport> {
    this.gpu.stream.expectNotRecording("tuning inside a captured step: tune before it");
    const open = [...this.entries].filter(([, entry]) => entry.wanted && this.spentMs < this.budgetMs);
    const earlier = this.spentMs;
    let measured = 0;
    if (open.length > 0) {
      // Loaded here: most pages measure nothing.
      const { measureEntries } = await import("./tune_trial.ts");
      const start = performance.now();
      const goOn = () => {
        this.spentMs = earlier + (performance.now() - start);
        return this.spentMs < this.budgetMs;
      };
      const { gpu, store, adapterKey, winners, clock } = this;
      measured = await measureEntries({ gpu, open, store, adapterKey, winners, clock, goOn });
    }
    return { measured, left: this.left(), ms: this.spentMs - earlier };
  }

  /** Number of keys that are not decided. */
  private left(): number {
    return [...this.entries.values()].filter(({ wanted }) => wanted).length;
  }
}
