// The watchdog on a simulated clock: progress, limits and messages.
import { describe, expect, test } from "vitest";
import type { GpuHangError, WatchdogLimit } from "../../src/gpu/index.ts";
import { Watchdog } from "../../src/gpu/watchdog.ts";

/** A clock that the test moves, with one timer. */
class Clock {
  time = 0;
  awake = true;
  private timer: { ms: number; tick: () => void; next: number; ref: () => void; unref: () => void } | null = null;
  now = () => this.time;
  every = (ms: number, tick: () => void) => {
    const timer = {
      ms,
      tick,
      next: this.time + ms,
      ref: () => {
        this.awake = true;
      },
      unref: () => {
        this.awake = false;
      },
    };
    this.timer = timer;
    return timer;
  };
  clear = () => {
    this.timer = null;
  };
  get runs(): boolean {
    return this.timer !== null;
  }
  /** Lets seconds pass, ticks and all. */
  async pass(seconds: number): Promise<void> {
    const end = this.time + 1000 * seconds;
    while (this.timer && this.timer.next <= end) {
      this.time = this.timer.next;
      this.timer.next += this.timer.ms;
      this.timer.tick();
      await settled();
    }
    this.time = end;
  }
  /** A host that stands still: the time passes, and one tick comes after it. */
  async freeze(seconds: number): Promise<void> {
    this.time += 1000 * seconds;
    if (!this.timer) return;
    this.timer.next = this.time + this.timer.ms;
    this.timer.tick();
    await settled();
  }
}

const settled = () => new Promise<void>((done) => setImmediate(done));

function watched(limit: WatchdogLimit, software = false) {
  const clock = new Clock();
  const hangs: GpuHangError[] = [];
  let submitted = 0;
  const questions: { readonly upTo: number; answer(): void }[] = [];
  const workDone = () => new Promise<void>((answer) => questions.push({ upTo: submitted, answer }));
  const watchdog = new Watchdog({ limit, software, workDone, onHang: (error) => hangs.push(error), clock });
  /** Submits; the function returned ends it, and what was submitted before. */
  const submit = (...kernels: string[]) => {
    const serial = ++submitted;
    watchdog.submitted(kernels);
    return async () => {
      for (const { upTo, answer } of questions) if (upTo <= serial) answer();
      await settled();
    };
  };
  return { clock, hangs, watchdog, submit, questions };
}

describe("a hang", () => {
  test("is a submit that does not end; it names the last kernels of the first such submit, each once", async () => {
    const { clock, hangs, submit } = watched(10);
    const many = Array.from({ length: 12 }, (_, i) => `k${i}`);
    const end = submit("before");
    await clock.pass(0.5);
    submit(...many, "k3");
    submit("behind");
    await end();
    await clock.pass(8.9);
    expect(hangs).toEqual([]);
    await clock.pass(2);
    expect(hangs).toHaveLength(1);
    expect(hangs[0]?.message).toMatch(
      /^the GPU hangs: it has finished nothing for 1[01](\.\d+)? s, at submit 2: k5, k6, k7, k8, k9, k10, k11, k3 \(and 1 more behind it\)$/,
    );
    expect(hangs[0]?.kernels).toEqual([...many, "k3"]);
    expect(clock.runs).toBe(false);
  });

  test("is a reading that does not arrive although all work is done, and half a minute is enough for that", async () => {
    const { clock, hangs, watchdog, submit } = watched("auto");
    submit("conv2d");
    await clock.pass(0.03);
    const end = submit(); // the copy of the reading
    watchdog.waiting();
    await end();
    await clock.pass(29);
    expect(hangs).toEqual([]);
    await clock.pass(3);
    expect(hangs[0]?.message).toMatch(
      /^the GPU hangs: a reading has not arrived 3[012] s after all work was done; last submitted: conv2d$/,
    );
  });

  test("at a submit of copies names the kernels behind it", async () => {
    const { clock, hangs, submit } = watched(10);
    submit();
    submit("conv2d");
    await clock.pass(12);
    expect(hangs[0]?.message).toContain("at submit 1: conv2d (and 1 more behind it)");
    expect(hangs[0]?.kernels).toEqual(["conv2d"]);
  });

  test("at copies with nothing behind them names the last kernels before", async () => {
    const { clock, hangs, submit } = watched(10);
    const end = submit("matmul");
    await clock.pass(0.5);
    submit();
    await end();
    await clock.pass(12);
    expect(hangs[0]?.message).toMatch(/at submit 2: matmul$/);
  });

  test("is no long queue that moves", async () => {
    const { clock, hangs, submit } = watched(10);
    const ends: (() => Promise<void>)[] = [];
    for (let i = 0; i < 20; i++) {
      ends.push(submit("k"));
      await clock.pass(0.03);
    }
    for (const end of ends) {
      await clock.pass(9);
      await end();
    }
    expect(hangs).toEqual([]);
    await clock.pass(100);
    expect(hangs).toEqual([]);
  });

  test("is no burst of submits, of which the device is asked about the first and, a tick later, about all", async () => {
    const { clock, hangs, submit, questions } = watched(10);
    const ends = Array.from({ length: 50 }, () => submit("k"));
    expect(questions.map(({ upTo }) => upTo)).toEqual([1]);
    await clock.pass(1.5);
    expect(questions.map(({ upTo }) => upTo)).toEqual([1, 50]);
    await ends.at(-1)?.();
    await clock.pass(100);
    expect(hangs).toEqual([]);
  });

  test("is no host that stands still", async () => {
    const { clock, hangs, submit } = watched(10);
    const end = submit("k");
    await clock.freeze(3600);
    await clock.freeze(3600);
    expect(hangs).toEqual([]);
    await end();
    await clock.pass(100);
    expect(hangs).toEqual([]);
  });
});

test("a reading that arrived says that all submits before it have ended", async () => {
  const { clock, hangs, watchdog, submit } = watched(10);
  submit("a");
  submit("b");
  const over = watchdog.waiting();
  submit("c");
  over();
  await clock.pass(11);
  expect(hangs[0]?.message).toContain("at submit 3: c");
});

test("it keeps a program alive while something is pending, and only then", async () => {
  const { clock, watchdog, submit } = watched(10);
  const end = submit("k");
  expect(clock.awake).toBe(true);
  const over = watchdog.waiting();
  await end();
  expect(clock.awake).toBe(true);
  over();
  expect(clock.awake).toBe(false);
  submit("k");
  expect(clock.awake).toBe(true);
  watchdog.stop();
  expect(clock.runs).toBe(false);
});

test("waits by default 120 s for hardware; for software 600 s, and then 20 times its longest submit", async () => {
  const hardware = watched("auto");
  hardware.submit("k");
  expect(hardware.watchdog.limitSeconds).toBe(120);

  const software = watched("auto", true);
  const open = software.submit("k");
  expect(software.watchdog.limitSeconds).toBe(600);
  await software.clock.pass(15);
  await open();
  for (let i = 0; i < 15; i++) {
    await software.clock.pass(0.03);
    await software.submit("k")();
  }
  software.submit("k");
  expect(software.watchdog.limitSeconds).toBe(300);
});

test("asked to end, a program waits ten seconds, or three times the longest submit", async () => {
  const { clock, hangs, watchdog, submit } = watched("auto");
  const end = submit("k");
  await clock.pass(5);
  await end();
  submit("k");
  watchdog.hurry();
  expect(watchdog.limitSeconds).toBe(15);
  await clock.pass(13);
  expect(hangs).toEqual([]);
  await clock.pass(4);
  expect(hangs).toHaveLength(1);

  const impatient = watched(4);
  impatient.submit("k");
  impatient.watchdog.hurry();
  expect(impatient.watchdog.limitSeconds).toBe(4);
});

test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])("%d seconds are refused", (limit) => {
  expect(() => watched(limit)).toThrow(`watchdog: expected a number of seconds > 0 or "auto", got ${limit}`);
});
