// Counts of the host cases: WebGPU calls, objects made by a replay.
import { describe, expect, test } from "vitest";
import { CallCounter, objectsMade } from "../../bench/cases/calls.ts";
import { replayOverhead } from "../../bench/cases/host.ts";
import { currentGpu } from "../../src/gpu/index.ts";

describe("the counter of calls", () => {
  test("counts calls and restores the original methods", async () => {
    const { device } = currentGpu();
    const prototype = Object.getPrototypeOf(device) as GPUDevice;
    const original = prototype.createBuffer;
    const make = () => device.createBuffer({ size: 256, usage: GPUBufferUsage.STORAGE }).destroy();
    {
      using counter = new CallCounter();
      make();
      make();
      const calls = counter.take();
      expect(calls.buffers).toBe(2);
      expect(objectsMade(calls)).toBe(2);
      expect(counter.take().buffers).toBe(0);
      expect(prototype.createBuffer).not.toBe(original);
    }
    expect(prototype.createBuffer).toBe(original);
    await currentGpu().wait();
  });
});

describe("a replay of small dispatches", () => {
  test("makes no object, and takes less host time than an eager step", async () => {
    const overhead = await replayOverhead();
    expect(overhead.made).toBe(0);
    expect(overhead.submits).toBeGreaterThan(0);
    expect(overhead.hostUs).toBeGreaterThan(0);
    expect(overhead.hostUs).toBeLessThan(overhead.eagerHostUs);
  });
});
