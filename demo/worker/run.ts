// A run: one or two lanes with the same seed and the same batches that take turns.
import { buildSmallModel, type Gpu, manualSeed, Session } from "../../src/internal.ts";
import type { Lane as LaneNumber, Report, Tempo, ThresholdMove } from "../shared/protocol.ts";
import type { Settings } from "../shared/settings.ts";
import type { Splits } from "./digits.ts";
import { Lane, type Track, type Watch } from "./lane.ts";
import { layersOf, parametersOf } from "./pictures.ts";
import { QuickTest } from "./quick_test.ts";
import { methodsOf, runConfig, spikingOptions } from "./run_config.ts";
import { Snapshots } from "./snapshots.ts";
import { Metronome } from "./tempo.ts";
import { Turns } from "./turns.ts";

/** Images of a test between two steps, by kind of adapter. */
const TEST_IMAGES = { hardware: 500, software: 200 };

interface RunOptions {
  readonly gpu: Gpu;
  readonly settings: Settings;
  readonly data: Splits;
  readonly watch: Watch;
  readonly tempo: Tempo;
  /** Changes of D that the run makes by itself. */
  readonly planned: readonly ThresholdMove[];
  readonly alive: () => boolean;
  readonly report: Track["report"];
  readonly problem: Track["problem"];
  /** A run on a lost device: continue from its last snapshot. */
  readonly from?: Run;
}

function buildSession(settings: Settings, data: Splits, lane: LaneNumber): Session {
  const { train, test } = data;
  const [channels, size] = train.shape;
  const method = methodsOf(settings)[lane]!;
  const spiking = spikingOptions(settings);
  // Both lanes start with the same weights.
  manualSeed(settings.seed);
  const input = { channels, size, classes: train.classes.length };
  const model = buildSmallModel(settings.model, input, spiking ? { spiking } : {});
  const stepsPerEpoch = Math.ceil(train.length / settings.batchSize);
  return new Session({ model, data: { train, test }, config: runConfig(method, settings, stepsPerEpoch) });
}

/** Repeat all changes of the final threshold, so that a restored session has the threshold it had before. */
function repeatMoves(session: Session, moves: readonly ThresholdMove[]): void {
  if (!session.method.setFinal) return;
  for (const { step, threshold } of moves) {
    // A change takes effect from the step whose values were read last.
    if (step > 0) session.method.values(step - 1);
    session.setFinalThreshold(threshold);
  }
}

export class Run {
  readonly settings: Settings;
  readonly data: Splits;
  readonly lanes: readonly Lane[];
  readonly turns: Turns;
  readonly snapshots: Snapshots;
  private readonly moves: ThresholdMove[] = [];
  private readonly abort = new AbortController();
  private readonly options: RunOptions;
  private readonly quickTest: QuickTest;
  private readonly metronome: Metronome;
  private trained: Promise<unknown> = Promise.resolve();

  /** Build the networks, paused. Throws if the settings do not fit the data. */
  constructor(options: RunOptions) {
    const { gpu, settings, data, watch, alive, report, problem, from } = options;
    this.options = options;
    this.settings = settings;
    this.data = data;
    const methods = methodsOf(settings);
    const sessions: Session[] = [];
    const saved = from?.snapshots.latest ?? null;
    this.snapshots = new Snapshots(methods.length);
    try {
      for (const lane of methods.keys()) {
        const session = buildSession(settings, data, lane as LaneNumber);
        sessions.push(session);
        const bytes = saved?.lanes[lane];
        if (bytes) session.load(bytes, "snapshot");
        repeatMoves(session, from?.moves ?? []);
      }
    } catch (error) {
      for (const session of sessions) session.dispose();
      throw error;
    }
    if (from) this.moves.push(...from.moves);
    this.snapshots.latest = saved;
    this.turns = new Turns(methods.length, saved?.step ?? 0, () => this.reportState());
    const { software } = gpu.adapter;
    this.quickTest = new QuickTest(data.test, software ? TEST_IMAGES.software : TEST_IMAGES.hardware);
    const track: Track = {
      turns: this.turns,
      signal: this.abort.signal,
      snapshots: this.snapshots,
      watch,
      test: data.test,
      quickTest: this.quickTest,
      momentum: settings.momentum,
      batchSize: settings.batchSize,
      software,
      planned: options.planned.length > 0 ? options.planned : (from?.options.planned ?? []),
      moved: (move) => this.addMove(move),
      alive,
      report,
      problem,
    };
    this.lanes = sessions.map((session, i) => new Lane(i as LaneNumber, methods[i]!, session, track));
    this.metronome = new Metronome(this.turns, sessions[0]!.totalSteps);
    this.metronome.set(options.tempo);
  }

  /** Prepare the lanes for their first step, one after the other, so that kernels are tuned once for both. */
  async start(): Promise<void> {
    const ends: Promise<void>[] = [];
    for (const lane of this.lanes) {
      if (this.abort.signal.aborted) return;
      ends.push(lane.train());
      this.trained = Promise.all(ends);
      await lane.ready;
    }
  }

  /** Compile the kernels of a step and of a test, with a network that is thrown away. */
  async warmUp(): Promise<void> {
    const { settings, data } = this;
    const session = buildSession(settings, data, 0);
    const enough = new AbortController();
    const { signal } = this.abort;
    const stop = () => enough.abort();
    signal.addEventListener("abort", stop);
    try {
      if (!signal.aborted) await session.fit({ signal: enough.signal, onStep: stop, onEnd: () => {} });
      if (!signal.aborted) await this.quickTest.run(session);
    } finally {
      signal.removeEventListener("abort", stop);
      session.dispose();
    }
  }

  /** Let the lanes run at the tempo. */
  play(): void {
    this.turns.run();
    this.metronome.start();
  }

  setTempo(tempo: Tempo): void {
    this.metronome.set(tempo);
  }

  describe(): Extract<Report, { kind: "built" }> {
    const { settings, data, lanes } = this;
    const { train, test } = data;
    const [first] = lanes as readonly [Lane];
    return {
      kind: "built",
      settings,
      lanes: lanes.map(({ method, session }) => {
        const parameters = parametersOf(session);
        return { method, layers: layersOf(session), parameters, denseBytes: 4 * parameters };
      }),
      data: { name: train.name, train: train.length, test: test.length, classes: train.classes, shape: train.shape },
      totalSteps: first.session.totalSteps,
      stepsPerEpoch: first.session.stepsPerEpoch,
    };
  }

  reportState(): void {
    const { running, finished, step } = this.turns;
    if (this.abort.signal.aborted) return;
    this.options.report({ kind: "state", running: running && !finished, finished, step });
  }

  /** Change D of the lanes that have one. Throws RangeError if none has. */
  setFinalThreshold(final: number): void {
    const movable = this.lanes.filter(({ session }) => session.method.setFinal);
    if (movable.length === 0) {
      const names = this.lanes.map(({ method }) => method).join(" and ");
      throw new RangeError(`${names}: no final threshold to change`);
    }
    for (const { session } of movable) session.setFinalThreshold(final);
    if (this.turns.finished) for (const lane of movable) lane.recut(final);
    this.addMove({ step: Math.max(...movable.map(({ step }) => step)), threshold: final });
  }

  private addMove(move: ThresholdMove): void {
    // Both lanes make a planned move.
    if (this.moves.includes(move)) return;
    this.moves.push(move);
    this.options.report({ kind: "moved", move });
  }

  /** End the run and wait until its work is done; `dispose` then frees it. */
  async stop(): Promise<void> {
    this.abort.abort();
    this.metronome.stop();
    this.turns.wake();
    await this.trained;
  }

  dispose(): void {
    for (const lane of this.lanes) lane.dispose();
  }
}
