// Points of the curves: one for each record of a run, and one for the step at which it pauses.
import { impliedLambda, type RunPosition, type RunRecord, type Session, sparsityOf } from "../../src/internal.ts";
import type { Point } from "../shared/protocol.ts";
import { SpeedMeter } from "./pace.ts";

/** Least time between two reports, in ms. */
const SEND_EVERY_MS = 100;

interface PointFeedOptions {
  readonly session: Session;
  readonly batchSize: number;
  readonly momentum: number;
  readonly send: (points: readonly Point[]) => void;
}

export class PointFeed {
  private readonly options: PointFeedOptions;
  private readonly speed = new SpeedMeter();
  private waiting: Point[] = [];
  private sentAt = Number.NEGATIVE_INFINITY;
  private recorded: number;
  private lambda: number | null = null;
  private rate: number | null = null;
  /** Test accuracy at the end of the last epoch, 0 to 1. */
  testAccuracy: number | null = null;

  constructor(options: PointFeedOptions) {
    this.options = options;
    this.recorded = options.session.position.step;
  }

  add(record: RunRecord): void {
    const { session, batchSize } = this.options;
    const now = performance.now();
    const { step, epoch, loss, accuracy, sparsity, threshold } = record;
    this.recorded = step;
    const common = { step, epoch, loss, sparsity, threshold };
    if (record.kind === "step") {
      const rate = this.speed.mark(step, now);
      this.rate = rate === null ? null : rate * batchSize;
      this.lambda = session.method.isL1 ? record.lambdaEffective : null;
      this.push({ ...common, trainAccuracy: accuracy, testAccuracy: null, lr: record.lr });
    } else {
      this.testAccuracy = record.testAccuracy;
      // Loss and accuracy of an epoch's record are means over the epoch, not values of this step.
      const lr = session.lr(Math.max(0, step - 1));
      this.push({ ...common, loss: null, trainAccuracy: null, testAccuracy: record.testAccuracy, lr });
    }
    if (now - this.sentAt >= SEND_EVERY_MS) this.flush();
  }

  private push(point: Omit<Point, "lambda" | "imagesPerSecond">): void {
    this.waiting.push({ ...point, lambda: this.lambda, imagesPerSecond: this.rate });
  }

  /** Add a point for the steps since the last record; call it when a run pauses. Waits for the GPU. */
  async addPaused({ step, epoch, batch }: RunPosition): Promise<void> {
    const { session, momentum } = this.options;
    this.speed.reset();
    const from = this.recorded;
    if (step > from) {
      const { method, optimizer } = session;
      const [{ steps }, counts, learned] = await Promise.all([
        session.step.read(from, step),
        optimizer.counts(),
        method.thresholdAt(step) ?? method.readThreshold?.(step) ?? 0,
      ]);
      // The record of these steps may have arrived meanwhile.
      if (this.recorded === from) {
        const samples = steps.reduce((n, s) => n + s.samples, 0);
        const lr = session.lr(step - 1);
        const threshold = method.thresholdAt(step - 1);
        if (method.isL1 && threshold !== null && method.phase(step - 1) !== "mask") {
          const increment = method.increment(step - 1);
          this.lambda = impliedLambda({ threshold, increment, lr, momentum: method.l1Momentum ?? momentum }).effective;
        }
        this.push({
          step,
          epoch: epoch + batch / session.stepsPerEpoch,
          loss: steps.reduce((sum, s) => sum + s.loss * s.samples, 0) / samples,
          trainAccuracy: steps.reduce((n, s) => n + s.correct, 0) / samples,
          testAccuracy: null,
          sparsity: sparsityOf(counts),
          threshold: learned,
          lr,
        });
      }
    }
    this.flush();
  }

  flush(): void {
    this.sentAt = performance.now();
    if (this.waiting.length === 0) return;
    this.options.send(this.waiting);
    this.waiting = [];
  }
}
