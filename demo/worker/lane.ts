// A lane: one network in training whose steps wait for their turn, and its reports.
import {
  deadText,
  GpuLostError,
  type ImageDataset,
  type RunPosition,
  type RunRecord,
  type Session,
  SpikingNode,
} from "../../src/internal.ts";
import type { Lane as LaneNumber, Report, ThresholdMove } from "../shared/protocol.ts";
import type { Method } from "../shared/settings.ts";
import { softmaxOf } from "./ink.ts";
import { logitsOf } from "./logits.ts";
import { Pace } from "./pace.ts";
import { buffersOf, takePicture } from "./pictures.ts";
import { PointFeed } from "./points.ts";
import type { QuickTest } from "./quick_test.ts";
import { canRecut, recut, zeroShare } from "./recut.ts";
import type { Snapshots } from "./snapshots.ts";
import { type StepTimer, timeStep } from "./timeline.ts";
import { yieldToEvents } from "./turn.ts";
import type { Turns } from "./turns.ts";

/** Reports that the page needs. */
export interface Watch {
  pictures: boolean;
  timeline: boolean;
  spikes: boolean;
  tests: boolean;
}

/** State that the lanes of a run share. */
export interface Track {
  readonly turns: Turns;
  readonly signal: AbortSignal;
  readonly snapshots: Snapshots;
  readonly watch: Watch;
  readonly test: ImageDataset;
  readonly quickTest: QuickTest;
  readonly momentum: number;
  readonly batchSize: number;
  readonly software: boolean;
  /** Changes of D that each lane makes before its step. */
  readonly planned: readonly ThresholdMove[];
  /** Receives each planned change that was made. */
  readonly moved: (move: ThresholdMove) => void;
  /** Returns false if the device is lost: failures are then not reported. */
  readonly alive: () => boolean;
  readonly report: (report: Report, transfer?: readonly ArrayBuffer[]) => void;
  readonly problem: (what: string, error: unknown) => void;
}

/** Least ms between two pictures, by kind of adapter; share of the time that the pictures of one lane may take. */
const PICTURE_EVERY_MS = { hardware: 200, software: 500 };
const PICTURE_SHARE = 0.07;
const TIMELINE_EVERY_MS = 2000;
/** Tests on a part of the test set in each epoch, least ms between two, and the share of the time that they may take. */
const TESTS_PER_EPOCH = 6;
const TEST_EVERY_MS = 250;
const TEST_SHARE = 0.12;

export class Lane {
  readonly index: LaneNumber;
  readonly method: Method;
  readonly session: Session;
  /** Resolves when the lane first waits for its turn, or has ended. */
  readonly ready: Promise<void>;
  private readonly track: Track;
  private readonly feed: PointFeed;
  private readonly picturePace: Pace;
  private readonly timelinePace = new Pace({ every: TIMELINE_EVERY_MS });
  private readonly testPace = new Pace({ every: TEST_EVERY_MS, share: TEST_SHARE });
  private testedAt = 0;
  /** Threshold of a finished run after a move of D; null before. */
  private cut: number | null = null;
  private nextCut: number | null = null;
  private position: RunPosition;
  private jobs: (() => Promise<void>)[] = [];
  private training = false;
  private idle: Promise<void> = Promise.resolve();
  private picturing: Promise<void> | null = null;
  private timer: StepTimer | null = null;
  private pausedAt = -1;
  private resolveReady: () => void = () => {};

  constructor(index: LaneNumber, method: Method, session: Session, track: Track) {
    this.index = index;
    this.method = method;
    this.session = session;
    this.track = track;
    this.position = session.position;
    this.ready = new Promise((resolve) => {
      this.resolveReady = resolve;
    });
    const { batchSize, momentum, report } = track;
    const send = (points: Extract<Report, { kind: "points" }>["points"]) =>
      report({ kind: "points", lane: index, points });
    this.feed = new PointFeed({ session, batchSize, momentum, send });
    this.picturePace = new Pace({
      every: track.software ? PICTURE_EVERY_MS.software : PICTURE_EVERY_MS.hardware,
      share: PICTURE_SHARE,
    });
  }

  get testAccuracy(): number | null {
    return this.feed.testAccuracy;
  }
  /** Steps done. */
  get step(): number {
    return this.position.step;
  }

  /** Train to the end or until the signal, one turn at a time. Failures are reported, never thrown. */
  async train(): Promise<void> {
    const { turns, signal, snapshots, problem, alive } = this.track;
    this.training = true;
    let lost = false;
    try {
      const finished = await this.fit();
      if (finished && !signal.aborted) {
        await this.feed.addPaused(this.position);
        await this.picture();
        await snapshots.save(this.index, this.session, this.position);
      }
    } catch (error) {
      // A lost device is reported elsewhere, and the run will continue.
      lost = error instanceof GpuLostError;
      if (!lost && !signal.aborted && alive()) problem("training", error);
    } finally {
      this.feed.flush();
      await this.drain();
      this.training = false;
      this.resolveReady();
      if (!lost) turns.end(this.index);
    }
  }

  /**
   * Train to the end or until the signal; return true at the end. A network without live weights trains on if its threshold can
   * still fall.
   */
  private async fit(): Promise<boolean> {
    const { session, track } = this;
    const { signal, problem, alive } = track;
    for (let reported = false; ; ) {
      const { finished, reason, deadLayers } = await session.fit({
        signal,
        beforeStep: (position) => this.waitForTurn(position),
        onStep: (position) => this.afterStep(position),
        onRecord: (record) => this.afterRecord(record),
        onEnd: () => {}, // reported below
      });
      this.position = session.position;
      const isDead = reason === "dead";
      if (isDead && !reported && alive()) problem("training", new Error(deadText(deadLayers)));
      reported = isDead;
      if (!isDead || finished || signal.aborted || !canRecut(session)) return finished;
    }
  }

  /**
   * Run a job while the lane is between steps and evaluations; the lane waits until the job is done. Waits at most for an
   * evaluation.
   */
  between<T>(job: () => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const run = () => job().then(resolve, reject);
      if (this.training) {
        this.jobs.push(run);
        this.track.turns.wake();
      } else this.idle = this.idle.then(run);
    });
  }

  private async drain(): Promise<void> {
    for (let job = this.jobs.shift(); job; job = this.jobs.shift()) await job();
  }

  private makePlannedMoves(step: number): void {
    const { session, track } = this;
    if (!session.method.setFinal) return;
    for (const move of track.planned)
      if (move.step === step) {
        session.setFinalThreshold(move.threshold);
        track.moved(move);
      }
  }

  /** Wait until it is the lane's turn. */
  private async waitForTurn(position: RunPosition): Promise<void> {
    const { turns, signal, snapshots } = this.track;
    this.position = position;
    this.resolveReady();
    const { step } = position;
    this.makePlannedMoves(step);
    for (;;) {
      await yieldToEvents();
      await this.drain();
      if (signal.aborted) return;
      if (turns.mayStep(this.index, step)) {
        const work = this.workBefore(position);
        if (!work) break;
        await work();
      } else if (turns.holds(step) && this.pausedAt !== step) {
        this.pausedAt = step;
        await this.feed.addPaused(position);
        await this.picture();
        if (this.track.watch.spikes) await this.spikes();
        if (step > 0) await snapshots.save(this.index, this.session, position);
      } else await turns.change(this.index);
    }
    turns.grant(this.index, step);
    this.pictureIfDue();
    const now = performance.now();
    if (this.index === 0 && this.track.watch.timeline && this.timelinePace.due(now)) {
      this.timelinePace.begin(now);
      this.timer = await timeStep(this.session);
    }
  }

  /** Return the snapshot or the test that is due before the next step, or null. */
  private workBefore(position: RunPosition): (() => Promise<void>) | null {
    const { step } = position;
    const { snapshots } = this.track;
    if (snapshots.due(this.index, step)) return () => snapshots.save(this.index, this.session, position);
    return this.testDue(step) ? () => this.test(step) : null;
  }

  private afterStep(position: RunPosition): void {
    this.position = position;
    const { timer } = this;
    this.timer = null;
    if (timer) {
      const { report } = this.track;
      void this.reportingErrors("timeline", async () => report({ kind: "timeline", rows: await timer.stop() }));
    }
    this.track.turns.setDone(this.index, position.step);
  }

  private async afterRecord(record: RunRecord): Promise<void> {
    this.feed.add(record);
    if (record.kind === "epoch" && this.track.watch.spikes) await this.spikes();
  }

  /** Return true if a test on a part of the test set is due before this step. At the end of an epoch the whole test set is used. */
  private testDue(step: number): boolean {
    const { stepsPerEpoch } = this.session;
    const every = Math.max(1, Math.floor(stepsPerEpoch / TESTS_PER_EPOCH));
    const regular = step % every === 0 && step % stepsPerEpoch !== 0 && this.testedAt !== step;
    return regular && this.track.watch.tests && this.testPace.due(performance.now());
  }

  /** Test on a part of the test set and report it. Call it between steps. */
  private async test(step: number): Promise<void> {
    this.testedAt = step;
    const { session, track } = this;
    await this.reportingErrors("test", async () => {
      const began = performance.now();
      this.testPace.begin(began);
      const accuracy = await track.quickTest.run(session);
      const sparsity = await zeroShare(session);
      this.testPace.cost(performance.now() - began);
      if (!track.signal.aborted) {
        const { count: images } = track.quickTest;
        track.report({ kind: "tested", lane: this.index, step, accuracy, sparsity, images });
      }
    });
  }

  /** Let a threshold act on the weights of a finished run and test again. Of several quick moves only the last one is made. */
  recut(final: number): void {
    if (!canRecut(this.session)) return;
    this.nextCut = final;
    const cut = async () => {
      const d = this.nextCut;
      if (d === null || this.track.signal.aborted) return;
      this.nextCut = null;
      this.cut = d;
      await recut(this.session, d);
      await this.picture();
      await this.test(this.step);
    };
    void this.between(() => this.reportingErrors("threshold", cut));
  }

  /** Take a picture if one is due; training does not wait for it. */
  private pictureIfDue(): void {
    if (this.picturing || !this.track.watch.pictures || !this.picturePace.due(performance.now())) return;
    void this.picture();
  }

  /** Take and send a picture if the page shows pictures. Call it between steps. */
  async picture(): Promise<void> {
    while (this.picturing) await this.picturing;
    if (!this.track.watch.pictures) return;
    this.picturing = this.takePicture();
    await this.picturing;
    this.picturing = null;
  }

  private async takePicture(): Promise<void> {
    const { report, signal } = this.track;
    const { step } = this.position;
    await this.reportingErrors("picture", async () => {
      this.picturePace.begin(performance.now());
      const { layers, sparseBytes, ms } = await takePicture(this.session, step, this.cut);
      this.picturePace.cost(ms);
      if (!signal.aborted) report({ kind: "picture", lane: this.index, step, layers, sparseBytes }, buffersOf(layers));
    });
  }

  /** Measure and send the spikes of a spiking model. Call it between steps. */
  async spikes(): Promise<void> {
    const { model } = this.session;
    if (![...model.namedModules()].some(([, m]) => m instanceof SpikingNode)) return;
    const { measureSpikes } = await import("./spikes.ts");
    await this.reportingErrors("spikes", async () =>
      this.track.report(await measureSpikes(this.session, this.track.test, this.index)),
    );
  }

  /** Compute class probabilities of one normalised image [c, h, w] with effective weights. Call it between steps. */
  async classify(x: Float32Array): Promise<Float32Array> {
    const [logits] = await logitsOf(this.session, x, 1);
    return softmaxOf(logits!);
  }

  /** Save the current state in memory. Call it between steps. */
  snapshot(): Promise<void> {
    return this.track.snapshots.save(this.index, this.session, this.position);
  }

  private async reportingErrors(what: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      const { signal, alive, problem } = this.track;
      if (!(error instanceof GpuLostError) && !signal.aborted && alive()) problem(what, error);
    }
  }

  /** Free the network. Call it after `train` has ended. */
  dispose(): void {
    this.session.dispose();
  }
}
