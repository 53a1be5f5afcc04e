// Wrong uses of a session's methods, and callbacks that fail.
import { expect, test } from "vitest";
import { DisposedError, OpError } from "../../src/gpu/index.ts";
import { Session, type SessionOptions } from "../../src/train/index.ts";
import { circle, smallNet } from "../support/points.ts";

const data = circle(60, 1);
const open = (more: Partial<SessionOptions> = {}) =>
  new Session({ model: smallNet(), data, config: { epochs: 2, batchSize: 32, logEvery: 1 }, ...more });

test.each<[string, object | null, string]>([
  ["null", null, "Session.fit: expected an object of options, got null"],
  ["an unknown option", { onrecord() {} }, "Session.fit: unknown option onrecord, expected onRecord"],
  ["a callback that is no function", { onRecord: 3 }, "Session.fit: onRecord: expected a function, got number"],
  ["another signal", { signal: true }, "Session.fit: signal: expected an AbortSignal, got boolean"],
  ["an interval as text", { checkpointEvery: "5" }, 'checkpointEvery: expected an integer >= 0, got "5"'],
])("fit refuses %s", async (_, control, message) => {
  const session = open();
  await expect(session.fit(control as never)).rejects.toThrow(message);
  session.dispose();
});

test("fit refuses a second call before the first has ended", async () => {
  const session = open();
  const first = session.fit();
  await expect(session.fit()).rejects.toThrow("Session.fit: expected one call at a time");
  expect((await first).finished).toBe(true);
  session.dispose();
});

test("refuses use after dispose, and takes a second dispose", async () => {
  const session = open({ data: { train: data, test: data } });
  session.dispose();
  session.dispose();
  for (const use of ["fit", "evaluate", "prepare", "weights"] as const) {
    const error = await session[use]().catch((e: unknown) => e);
    expect(error).toBeInstanceOf(DisposedError);
    expect((error as Error).message).toMatch(/^Session\.\w+: the session was disposed$/);
  }
});

test("says that it was disposed while it trained", async () => {
  const session = open({ config: { epochs: 50, batchSize: 32, logEvery: 1 }, onStep: () => session.dispose() });
  await expect(session.fit()).rejects.toThrow("Session.fit: the session was disposed while it trained");
});

test("awaits a promise of onStep, and ends the run with its error", async () => {
  let waits = 0;
  const later = async () => {
    waits++;
    await new Promise((resolve) => setTimeout(resolve, 1));
    waits--;
  };
  const session = open({ onStep: () => expect(waits).toBe(0) });
  await session.fit({ onStep: later });
  expect(waits).toBe(0);
  session.dispose();
  const failing = open({ onStep: () => Promise.reject(new Error("own")) });
  await expect(failing.fit()).rejects.toThrow("own");
  failing.dispose();
});

test("refuses a model with fewer outputs than the data have classes", async () => {
  const many = {
    x: [
      [0, 0],
      [0, 1],
      [1, 0],
    ],
    y: [0, 5, 1],
  };
  const session = open({ data: many });
  const error = await session.fit().catch((e: unknown) => e);
  expect(error).toBeInstanceOf(OpError);
  expect((error as Error).message).toBe("train: model: expected at least 6 outputs, one per class of the data, got 2");
  session.dispose();
});

test.each<[string, object, string]>([
  [
    "no values",
    { values: () => {} },
    "values: expected an object such as { threshold, thresholdNext } at step 0, got undefined",
  ],
  ["an unknown phase", { phase: () => "late" }, "phase: expected prune, mask or dense at step 0, got late"],
  [
    "NaN as threshold",
    { thresholdAt: () => Number.NaN },
    "thresholdAt: expected a finite number or null at step 0, got NaN",
  ],
])("refuses an own method that returns %s", async (_, parts, message) => {
  const method = { name: "own", group: { mode: "latent" }, ...parts } as never;
  const run = async () => {
    const session = open({ method });
    try {
      await session.fit();
    } finally {
      session.dispose();
    }
  };
  await expect(run()).rejects.toThrow(`pruning method: ${message}`);
});

test("saves where it stopped by default", async () => {
  const session = open();
  await session.fit();
  expect(await session.save()).toEqual(await session.save(session.position));
  session.dispose();
});
