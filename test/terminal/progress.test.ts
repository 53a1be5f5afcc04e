// The progress display, in a log file and on a simulated terminal.
import { Writable } from "node:stream";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createProgress, type ProgressOptions } from "../../src/terminal/progress.ts";

function setup(isTTY: boolean, options: Partial<ProgressOptions> = {}) {
  const stream = Object.assign(
    new Writable({
      write(chunk, _encoding, done) {
        out.text += String(chunk);
        done();
      },
    }),
    { isTTY, columns: 200 },
  );
  const out = { text: "" };
  const clock = { ms: 0 };
  const progress = createProgress({ label: "train", stream, env: {}, now: () => clock.ms, ...options });
  return { progress, out, clock };
}

describe("in a log file", () => {
  test("writes a line at the start, every ten seconds, and at the end", () => {
    const { progress, out, clock } = setup(false);
    for (let step = 0; step <= 100; step++) {
      clock.ms = step * 250;
      progress.update(step, 100, { loss: 1 / (step + 1), note: "ok" });
    }
    progress.stop();
    expect(out.text.split("\n")).toEqual([
      "train 0/100 (0 %)  loss 1  note ok",
      "train 40/100 (40 %)  loss 0.02439  note ok  15 s left",
      "train 80/100 (80 %)  loss 0.01235  note ok  5 s left",
      "train 100/100 (100 %)  loss 0.009901  note ok",
      "",
    ]);
  });

  test("log() writes at once; stop() writes the pending line once", () => {
    const { progress, out, clock } = setup(false, { label: undefined });
    progress.update(1, 1000);
    clock.ms = 4_000_000;
    progress.log("saved");
    clock.ms = 1000;
    progress.update(2, 1000);
    progress.stop();
    progress.stop();
    progress.update(3, 1000);
    expect(out.text).toBe("1/1000 (0 %)\nsaved\n2/1000 (0 %)  16 min 38 s left\n");
  });

  test("writes long times in hours", () => {
    const { progress, out, clock } = setup(false, { everySeconds: 0 });
    progress.update(0, 100);
    clock.ms = 90_000;
    progress.update(1, 100);
    expect(out.text).toContain("2 h 29 min left");
  });

  test("has no control characters", () => {
    const { progress, out } = setup(false, { label: "a\u001bb" });
    progress.update(1, 2, { "x\n": "y\u001b[2J" });
    progress.stop();
    expect(out.text).toBe("a?b 1/2 (50 %)  x? y?[2J\n");
  });
});

describe("on a terminal", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test("redraws one bar, keeps logged lines above it, ends with the last state", () => {
    const { progress, out, clock } = setup(true);
    progress.update(0, 4, { loss: 2.3 });
    clock.ms = 1000;
    progress.update(1, 4, { loss: 1.23456 });
    vi.advanceTimersByTime(200);
    expect(out.text).toContain("train ██████░░░░░░░░░░░░░░░░░░ 25% 1/4  loss 1.235  3 s left");
    progress.log("checkpoint saved");
    expect(out.text).toContain("checkpoint saved\n");
    progress.update(4, 4, { loss: 0.5 });
    progress.stop();
    const written = out.text;
    expect(written.trimEnd()).toContain(`train ${"█".repeat(24)} 100% 4/4  loss 0.5`);
    expect(written.lastIndexOf("checkpoint saved")).toBeLessThan(written.lastIndexOf("100%"));
    expect(written.endsWith("\n")).toBe(true);
    progress.stop();
    vi.advanceTimersByTime(5000);
    expect(out.text).toBe(written);
    expect(vi.getTimerCount()).toBe(0);
    progress.log("after");
    expect(out.text).toBe(`${written}after\n`);
  });

  test("draws no bar before the first update, but prints earlier lines", () => {
    const { progress, out } = setup(true);
    progress.log("device: x");
    expect(out.text).toBe("device: x\n");
    progress.stop();
    expect(out.text).toBe("device: x\n");
    expect(vi.getTimerCount()).toBe(0);
  });

  test("does not handle interrupts", () => {
    const before = process.listenerCount("SIGINT");
    const { progress } = setup(true);
    progress.update(0, 1);
    expect(process.listenerCount("SIGINT")).toBe(before);
    progress.stop();
  });

  test("writes lines to a dumb terminal", () => {
    const { progress, out } = setup(true, { env: { TERM: "dumb" } });
    progress.update(1, 1);
    progress.stop();
    expect(out.text).toBe("train 1/1 (100 %)\n");
  });
});

describe("arguments", () => {
  test("refuses impossible counts", () => {
    const { progress } = setup(false);
    expect(() => progress.update(5, 4)).toThrow("progress: done: expected a number in [0, total], got 5 of 4");
    expect(() => progress.update(Number.NaN, 4)).toThrow(RangeError);
    expect(() => progress.update(0, Number.POSITIVE_INFINITY)).toThrow(RangeError);
    expect(() => createProgress({ everySeconds: -1 })).toThrow("everySeconds: expected a number >= 0, got -1");
  });
  test("shows 100 % for a total of 0", () => {
    const { progress, out } = setup(false);
    progress.update(0, 0);
    expect(out.text).toBe("train 0/0 (100 %)\n");
  });
});
