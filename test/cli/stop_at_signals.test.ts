// Signals to a command: the first one stops it, USR1 and USR2 request a checkpoint.
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ignoreBatchSignals } from "../../src/cli/early_signals.ts";
import { type Stopping, stopAtSignals } from "../../src/cli/stop_at_signals.ts";
import { type Gpu, setCurrentGpu } from "../../src/gpu/index.ts";
import { makeOutput, type Output } from "../../src/terminal/output.ts";

let stopping: Stopping;
let said: string[];
beforeEach(() => {
  said = [];
  const out: Output = { ...makeOutput(true), say: (line) => said.push(line) };
  stopping = stopAtSignals(out, "after this step");
});
afterEach(() => stopping[Symbol.dispose]());

test.each([
  ["SIGINT", 130],
  ["SIGTERM", 143],
  ["SIGHUP", 129],
] as const)("%s stops, with its own exit code %i; a second one ends the process at once", (signal, code) => {
  process.emit(signal);
  expect(stopping.signal.aborted).toBe(true);
  expect(said).toEqual(["\nstopping after this step; send it again to stop at once"]);
  expect(stopping.interrupted("stopped").exitCode).toBe(code);
  const exit = vi.spyOn(process, "exit").mockImplementation((() => {}) as never);
  process.emit(signal);
  expect(exit).toHaveBeenCalledWith(code);
  exit.mockRestore();
});

test.each(["SIGUSR1", "SIGUSR2"] as const)("%s requests one checkpoint, and the work continues", (signal) => {
  expect(stopping.takeSaveRequest()).toBe(false);
  process.emit(signal);
  expect(stopping.signal.aborted).toBe(false);
  expect(stopping.takeSaveRequest()).toBe(true);
  expect(stopping.takeSaveRequest()).toBe(false);
});

test("shortens the watchdog of a device that may hang", () => {
  const hurry = vi.fn();
  setCurrentGpu({ watchdog: { hurry } } as unknown as Gpu);
  try {
    process.emit("SIGUSR1");
    expect(hurry).not.toHaveBeenCalled();
    process.emit("SIGTERM");
    expect(hurry).toHaveBeenCalledTimes(1);
  } finally {
    setCurrentGpu(null);
  }
});

test("stops waiting for work at once", async () => {
  expect(await stopping.orStop(Promise.resolve(7), "stopped")).toBe(7);
  await expect(stopping.orStop(Promise.reject(new RangeError("no")), "stopped")).rejects.toThrow("no");
  const never = stopping.orStop(new Promise(() => {}), "stopped while reading");
  process.emit("SIGTERM");
  await expect(never).rejects.toMatchObject({ name: "Interrupted", message: "stopped while reading", exitCode: 143 });
  const late = Promise.reject(new Error("ignored"));
  await expect(stopping.orStop(late, "stopped before")).rejects.toThrow();
});

test("restores the default handling when disposed", () => {
  const before = process.listenerCount("SIGTERM");
  stopping[Symbol.dispose]();
  expect(process.listenerCount("SIGTERM")).toBe(before - 1);
});

test("the command ignores USR1 and USR2 before it loads anything else, in a build too", () => {
  const text = readFileSync(resolve(import.meta.dirname, "../../src/cli/main.ts"), "utf8");
  const imports = [...text.matchAll(/^import .*from "(.*)";$/gm)].map((match) => match[1]);
  expect(imports).toEqual(["./early_signals.ts"]); // a build would load what is imported by name first, and drop a bare import
  expect(text.indexOf("ignoreBatchSignals();")).toBeLessThan(text.indexOf("import(") as number);
  const before = process.listenerCount("SIGUSR1");
  ignoreBatchSignals();
  expect(process.listenerCount("SIGUSR1")).toBe(before + 1);
  for (const signal of ["SIGUSR1", "SIGUSR2"]) process.removeAllListeners(signal);
});
