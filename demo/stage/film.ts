// The frames of a run, in a bounded list: a full list drops every second frame, so that it always covers the whole run.
import type { Frame } from "./frame.ts";

/** Greatest number of frames: each has one byte per weight of the largest layer. */
const MOST = 160;

export class Film {
  private kept: Frame[] = [];
  private readonly most: number;

  constructor(most = MOST) {
    this.most = Math.max(2, most);
  }

  get frames(): readonly Frame[] {
    return this.kept;
  }
  get last(): Frame | undefined {
    return this.kept.at(-1);
  }

  /** Add a frame; it replaces one of the same step, and frames of later steps are dropped. */
  add(frame: Frame): void {
    while (this.kept.length > 0 && this.kept.at(-1)!.step >= frame.step) this.kept.pop();
    if (this.kept.length >= this.most) this.kept = this.kept.filter((_, i) => i % 2 === 0);
    this.kept.push(frame);
  }

  /** Replace the list by the frames of a recording. */
  load(frames: readonly Frame[]): void {
    this.kept = [...frames];
  }

  /** Return the latest frame at or before a step; the first one if there is none. */
  at(step: number): Frame | undefined {
    return this.kept.findLast((frame) => frame.step <= step) ?? this.kept[0];
  }
}
