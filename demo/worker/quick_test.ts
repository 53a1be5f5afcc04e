// Accuracy on a part of the test set, for tests between two steps.
import type { ImageDataset, Session } from "../../src/internal.ts";
import { logitsOf } from "./logits.ts";

/** Training batches that re-estimate batch norm for a quick test. */
const RECALIBRATE = 4;
/** Images per forward pass. */
const CHUNK = 100;

export class QuickTest {
  /** Number of images. */
  readonly count: number;
  private readonly x: Float32Array;
  private readonly labels: Int32Array;

  /** Take `most` images, evenly spaced. */
  constructor({ images, labels, length, shape, mean, std }: ImageDataset, most: number) {
    this.count = Math.min(most, length);
    const [channels, height, width] = shape;
    const pixels = height * width;
    this.x = new Float32Array(this.count * channels * pixels);
    this.labels = new Int32Array(this.count);
    for (let i = 0; i < this.count; i++) {
      const from = Math.floor((i * length) / this.count);
      this.labels[i] = labels[from]!;
      for (let c = 0; c < channels; c++) {
        const [m, s] = [mean[c]!, std[c]!];
        const [to, begin] = [(i * channels + c) * pixels, (from * channels + c) * pixels];
        for (let p = 0; p < pixels; p++) this.x[to + p] = (images[begin + p]! / 255 - m) / s;
      }
    }
  }

  /** Compute the accuracy of a session's network, 0 to 1. Call it between steps. Waits for the GPU. */
  run(session: Session): Promise<number> {
    return session.recalibrated(() => this.measure(session), RECALIBRATE);
  }

  private async measure(session: Session): Promise<number> {
    return correctOf(await logitsOf(session, this.x, this.count, CHUNK), this.labels) / this.count;
  }
}

/** Count the rows whose largest value is at the label. `chunks`: rows of logits. */
function correctOf(chunks: readonly ArrayLike<number>[], labels: Int32Array): number {
  const values = chunks.reduce((n, chunk) => n + chunk.length, 0);
  const classes = values / labels.length;
  let correct = 0;
  let row = 0;
  for (const chunk of chunks)
    for (let at = 0; at < chunk.length; at += classes, row++) {
      let best = 0;
      for (let k = 1; k < classes; k++) if (chunk[at + k]! > chunk[at + best]!) best = k;
      if (best === labels[row]) correct++;
    }
  return correct;
}
