// A model of an event camera: each pixel emits an event when its brightness has changed by a threshold.
import { allocateRecording, type EventRecording } from "../../io/events/types.ts";
import { coverage, type Walk } from "./synthetic_shapes.ts";

/** Change of log intensity per event; typical cameras use 0.1 to 0.3. */
const THRESHOLD = 0.2;
/** Largest movement of a shape between two samples, in pixels: its smooth edge is one pixel wide. */
const STEP = 0.5;

/**
 * Records shapes on a square sensor of `size` pixels for `duration` us.
 *
 * A partly covered pixel has that share of the shape's contrast: brightness is mixed in log space without computing logarithms,
 * so events have the same bits on every host. Between two samples brightness changes linearly; each crossing of a threshold is
 * an event, at its own microsecond.
 * Source    Gallego et al. 2020, "Event-based vision: a survey" (the contrast threshold model).
 */
export class EventCamera {
  private readonly size: number;
  private readonly duration: number;
  /** Log intensity above the background, now and at the start, and thresholds crossed since, per pixel. */
  private readonly now: Float64Array;
  private readonly first: Float64Array;
  private readonly level: Int16Array;
  /** Events as numbers that sort by time, polarity, row, column: below 2^40. */
  private keys = new Float64Array(4096);
  private count = 0;

  constructor(size: number, duration: number) {
    this.size = size;
    this.duration = duration;
    this.now = new Float64Array(size * size);
    this.first = new Float64Array(size * size);
    this.level = new Int16Array(size * size);
  }

  /** Start an empty recording. */
  start(): void {
    this.count = 0;
  }

  /** Add an event; 0 <= time < duration. */
  add(time: number, x: number, y: number, p: number): void {
    if (this.count === this.keys.length) {
      const longer = new Float64Array(2 * this.count);
      longer.set(this.keys);
      this.keys = longer;
    }
    this.keys[this.count++] = ((time * 2 + p) * this.size + y) * this.size + x;
  }

  /** Add the events of one shape along its path, from rest at the start. */
  watch(walk: Walk): void {
    const { from, to } = walk;
    const [dx, dy] = [to[0] - from[0], to[1] - from[1]];
    const steps = Math.max(1, Math.ceil(Math.max(Math.abs(dx), Math.abs(dy)) / STEP));
    this.now.fill(0);
    this.level.fill(0);
    this.look(walk, from[0], from[1], null);
    this.first.set(this.now);
    for (let step = 0; step < steps; step++) {
      const part = (step + 1) / steps;
      this.look(walk, from[0] + dx * part, from[1] + dy * part, [
        (step / steps) * this.duration,
        this.duration / steps,
      ]);
    }
  }

  /** Update brightness for a shape centred at (cx, cy); emits events between start and start + length, none without `time`. */
  private look(
    { shape, radius, contrast }: Walk,
    cx: number,
    cy: number,
    time: readonly [number, number] | null,
  ): void {
    const size = this.size;
    // The area that the shape covers now or covered one step before.
    const reach = radius + 1 + STEP;
    const [left, right] = [Math.max(0, Math.floor(cx - reach)), Math.min(size, Math.ceil(cx + reach))];
    const [top, bottom] = [Math.max(0, Math.floor(cy - reach)), Math.min(size, Math.ceil(cy + reach))];
    for (let y = top; y < bottom; y++) {
      for (let x = left; x < right; x++) {
        const pixel = y * size + x;
        const before = this.now[pixel]!;
        const after = contrast * coverage(shape, radius, x + 0.5 - cx, y + 0.5 - cy);
        if (after === before) continue;
        this.now[pixel] = after;
        if (time) this.cross(pixel, x, y, before, after, time[0], time[1]);
      }
    }
  }

  private cross(
    pixel: number,
    x: number,
    y: number,
    before: number,
    after: number,
    start: number,
    length: number,
  ): void {
    const up = after > before;
    const sign = up ? 1 : -1;
    const first = this.first[pixel]!;
    for (;;) {
      const level = this.level[pixel]! + sign;
      const crossing = first + level * THRESHOLD;
      if (up ? after < crossing : after > crossing) return;
      this.level[pixel] = level;
      const part = Math.min(1, Math.max(0, (crossing - before) / (after - before)));
      this.add(Math.min(this.duration - 1, Math.floor(start + part * length)), x, y, up ? 1 : 0);
    }
  }

  /** Return the recording, its events in order of time. */
  finish(): EventRecording {
    const recording = allocateRecording(this.count);
    const { t, x, y, p } = recording;
    const size = this.size;
    const keys = this.keys.subarray(0, this.count).sort();
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i]!;
      const row = Math.floor(key / size);
      const half = Math.floor(row / size);
      x[i] = key - row * size;
      y[i] = row - half * size;
      p[i] = half & 1;
      t[i] = Math.floor(half / 2);
    }
    return recording;
  }
}
