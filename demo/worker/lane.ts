// One network in training: a session whose steps wait for their turn, and what is to be seen of it.
import {
  GpuLostError,
  type ImageDataset,
  noGrad,
  type Position,
  type RunRecord,
  Scope,
  type Session,
  SpikingNode,
  tensor,
} from "../../src/index.ts";
import type { Lane as LaneNumber, Report } from "../shared/protocol.ts";
import type { Method } from "../shared/settings.ts";
import { softmaxOf } from "./ink.ts";
import { Pace } from "./pace.ts";
import { buffersOf, takePicture } from "./pictures.ts";
import { PointFeed } from "./points.ts";
import type { Snapshots } from "./snapshots.ts";
import { lookAtSpikes } from "./spikes.ts";
import { type StepTimer, timeStep } from "./timeline.ts";
import { breathe } from "./turn.ts";
import type { Turns } from "./turns.ts";

/** What the page wants to see. */
export interface Watch {
  pictures: boolean;
  timeline: boolean;
  spikes: boolean;
}

/** What the lanes of a run share. */
export interface Track {
  readonly turns: Turns;
  readonly signal: AbortSignal;
  readonly snapshots: Snapshots;
  readonly watch: Watch;
  readonly test: ImageDataset;
  readonly momentum: number;
  readonly batchSize: number;
  readonly software: boolean;
  /** Whether the device is still there: what fails without it is not the run's fault. */
  readonly alive: () => boolean;
  readonly report: (report: Report, transfer?: readonly ArrayBuffer[]) => void;
  readonly problem: (what: string, error: unknown) => void;
}

/** Least ms between two pictures, by kind of adapter; share of the time that those of one lane may take. */
const PICTURE_EVERY = { hardware: 200, software: 500 };
const PICTURE_SHARE = 0.07;
const TIMELINE_EVERY = 2000;

export class Lane {
  readonly index: LaneNumber;
  readonly method: Method;
  readonly session: Session;
  /** Resolves when the lane first waits for its turn, or has ended. */
  readonly ready: Promise<void>;
  private readonly track: Track;
  private readonly feed: PointFeed;
  private readonly picturePace: Pace;
  private readonly timelinePace = new Pace({ every: TIMELINE_EVERY });
  private position: Position;
  private jobs: (() => Promise<void>)[] = [];
  private training = false;
  private idle: Promise<void> = Promise.resolve();
  private picturing: Promise<void> | null = null;
  private timer: StepTimer | null = null;
  private restedAt = -1;
  private isReady: () => void = () => {};

  constructor(index: LaneNumber, method: Method, session: Session, track: Track) {
    this.index = index;
    this.method = method;
    this.session = session;
    this.track = track;
    this.position = session.position;
    this.ready = new Promise((resolve) => {
      this.isReady = resolve;
    });
    const { batchSize, momentum, report } = track;
    const send = (points: Extract<Report, { kind: "points" }>["points"]) =>
      report({ kind: "points", lane: index, points });
    this.feed = new PointFeed({ session, batchSize, momentum, send });
    this.picturePace = new Pace({
      every: track.software ? PICTURE_EVERY.software : PICTURE_EVERY.hardware,
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

  /** Trains to the end or until the signal, as turns allow. Never rejects: what fails is told as a problem. */
  async train(): Promise<void> {
    const { turns, signal, snapshots, problem, alive } = this.track;
    this.training = true;
    let lost = false;
    try {
      const { finished } = await this.session.fit({
        signal,
        beforeStep: (position) => this.gate(position),
        onStep: (position) => this.stepped(position),
        onRecord: (record) => this.recorded(record),
      });
      this.position = this.session.position;
      if (finished && !signal.aborted) {
        await this.feed.still(this.position);
        await this.picture();
        await snapshots.save(this.index, this.session, this.position);
      }
    } catch (error) {
      // Of a lost device the device itself tells, and the run is not at its end.
      lost = error instanceof GpuLostError;
      if (!lost && !signal.aborted && alive()) problem("training", error);
    } finally {
      this.feed.flush();
      await this.drain();
      this.training = false;
      this.isReady();
      if (!lost) turns.end(this.index);
    }
  }

  /**
   * Runs a job while no step or evaluation of this lane is under way, and nothing else of it until the job is done. Waits for
   * that moment: at most an evaluation.
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

  /** Holds the run until it is the lane's turn. */
  private async gate(position: Position): Promise<void> {
    const { turns, signal, snapshots } = this.track;
    this.position = position;
    this.isReady();
    const { step } = position;
    for (;;) {
      await breathe();
      await this.drain();
      if (signal.aborted) return;
      if (turns.mayStep(this.index, step)) {
        if (!snapshots.due(this.index, step)) {
          turns.grant(this.index, step);
          break;
        }
        await snapshots.save(this.index, this.session, position);
      } else if (turns.holds(step) && this.restedAt !== step) {
        this.restedAt = step;
        await this.feed.still(position);
        await this.picture();
        if (this.track.watch.spikes) await this.spikes();
        if (step > 0) await snapshots.save(this.index, this.session, position);
      } else await turns.change(this.index);
    }
    this.glance();
    const now = performance.now();
    if (this.index === 0 && this.track.watch.timeline && this.timelinePace.due(now)) {
      this.timelinePace.begin(now);
      this.timer = timeStep(this.session);
    }
  }

  private stepped(position: Position): void {
    this.position = position;
    const { timer } = this;
    this.timer = null;
    if (timer) {
      const { report } = this.track;
      void this.quietly("timeline", async () => report({ kind: "timeline", rows: await timer.stop() }));
    }
    this.track.turns.took(this.index, position.step);
  }

  private async recorded(record: RunRecord): Promise<void> {
    this.feed.add(record);
    if (record.kind === "epoch" && this.track.watch.spikes) await this.spikes();
  }

  /** A picture if one is wanted and due; the run does not wait for it. */
  private glance(): void {
    if (this.picturing || !this.track.watch.pictures || !this.picturePace.due(performance.now())) return;
    void this.picture();
  }

  /** Between steps: takes and sends a picture, if pictures are wanted. */
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
    await this.quietly("picture", async () => {
      this.picturePace.begin(performance.now());
      const { layers, sparseBytes, ms } = await takePicture(this.session, step);
      this.picturePace.cost(ms);
      if (!signal.aborted) report({ kind: "picture", lane: this.index, step, layers, sparseBytes }, buffersOf(layers));
    });
  }

  /** Between steps: looks at the spikes of a few test images; nothing for models without. */
  async spikes(): Promise<void> {
    const { model } = this.session;
    if (![...model.namedModules()].some(([, m]) => m instanceof SpikingNode)) return;
    await this.quietly("spikes", async () =>
      this.track.report(await lookAtSpikes(this.session, this.track.test, this.index)),
    );
  }

  /** Between steps: class probabilities of one image [c, h, w], normalised, as the finished network would give them. */
  classify(x: Float32Array): Promise<Float32Array> {
    const { model, optimizer, sample } = this.session;
    const { training } = model;
    using _scope = new Scope();
    optimizer.harden();
    model.eval();
    try {
      // The copy is enqueued here and now; only its arrival is waited for.
      return noGrad(() => model.forward(tensor(x, [1, ...sample])))
        .data()
        .then(softmaxOf);
    } finally {
      model.train(training);
      optimizer.soften();
    }
  }

  /** Between steps: keeps the state as it is now. */
  snapshot(): Promise<void> {
    return this.track.snapshots.save(this.index, this.session, this.position);
  }

  private async quietly(what: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      const { signal, alive, problem } = this.track;
      if (!(error instanceof GpuLostError) && !signal.aborted && alive()) problem(what, error);
    }
  }

  /** Frees the network. Call it when `train` has ended. */
  dispose(): void {
    this.session.dispose();
  }
}
