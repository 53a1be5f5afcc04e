// Measures on a real adapter, and refuses wrong kernels and refused commands.
import { describe, expect, test } from "vitest";
import { recorded } from "../../bench/cases/recorded.ts";
import type { KernelCase, Prepared, Variant } from "../../bench/lib/case.ts";
import { timeRuns } from "../../bench/lib/clock.ts";
import { betterGauge, measureGauge } from "../../bench/lib/gauge.ts";
import { measureKernel } from "../../bench/lib/measure.ts";
import { pickClock, runCases } from "../../bench/lib/run.ts";
import { currentGpu, grid1d, kernel } from "../../src/gpu/index.ts";
import { relu } from "../../src/ops/unary.ts";
import { empty, Scope, type Tensor, tensor } from "../../src/tensor/index.ts";

const SIZE = 4096;
const values = Float32Array.from({ length: SIZE }, (_, i) => (i % 7) - 3);
const right = Float64Array.from(values, (v) => Math.max(v, 0));

const plainKernel = kernel(
  "bench_test_relu",
  `
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  y[id.x] = max(x[id.x], 0.0);
}
`,
);
// Looks valid, but the device refuses it: y is not written, and the run takes no time.
const refusedKernel = kernel("bench_test_refused", plainKernel.wgsl.replace("max(x[id.x], 0.0)", "max(x[id.x], 0u)"));

const plain = (x: Tensor): Variant =>
  recorded("plain", () => {
    const y = empty(x.shape);
    plainKernel.run({ bind: { x, y }, grid: grid1d(SIZE) });
    return [y];
  });

function reluCase(others: (x: Tensor) => readonly Variant[], more: Partial<Prepared> = {}): KernelCase {
  return {
    kind: "kernel",
    group: "test",
    name: "relu",
    work: { flops: SIZE, bytes: 8 * SIZE },
    prepare() {
      const x = tensor(values);
      return { variants: [plain(x), ...others(x)], ...more };
    },
  };
}

const fast = { rounds: 3, roundMs: 2, budget: 5 };
const engine = (x: Tensor) => recorded("engine", () => [relu(x)]);

describe("measureKernel", () => {
  test("times every variant of a correct case, and leaves no memory behind", async () => {
    const before = currentGpu().memory().live;
    const result = await measureKernel(
      reluCase((x) => [engine(x)], { expected: [right] }),
      fast,
    );
    expect(currentGpu().memory().live).toBe(before);
    expect(result).toMatchObject({ group: "test", name: "relu", flops: SIZE, bytes: 8 * SIZE });
    expect(result.variants.map((v) => v.name)).toEqual(["plain", "engine"]);
    for (const v of result.variants) {
      expect(v.ms).toBeGreaterThan(0);
      expect(v.rounds).toHaveLength(3);
      expect(v.rounds[0]! * v.repeats).toBeGreaterThanOrEqual(fast.roundMs / 2);
      expect(v.deviation).toBe(0);
      expect(v.clock).toBe("queue");
    }
    expect(result.variants[0]?.ratio).toBe(1);
  });

  test("measures chosen variants beside the first", async () => {
    const third = (x: Tensor) => recorded("third", () => [relu(x)]);
    const options = { ...fast, variants: ["third"] };
    const { variants } = await measureKernel(
      reluCase((x) => [engine(x), third(x)]),
      options,
    );
    expect(variants.map((v) => v.name)).toEqual(["plain", "third"]);
  });

  test("refuses a variant with one wrong element", async () => {
    const wrong = (x: Tensor) => {
      const spoiled = values.slice();
      spoiled[1234] = 100;
      const other = tensor(spoiled, x.shape);
      return [recorded("sloppy", () => [relu(other)])];
    };
    await expect(measureKernel(reluCase(wrong), fast)).rejects.toThrow(
      /test relu: sloppy is off by .* tolerance 0\.00001/,
    );
    // The first variant too, where the right values are known.
    const expected = [right.map((v) => v + 1)];
    await expect(
      measureKernel(
        reluCase(() => [], { expected }),
        fast,
      ),
    ).rejects.toThrow(/plain is off by/);
    await expect(
      measureKernel(
        reluCase(() => [], { expected: [] }),
        fast,
      ),
    ).rejects.toThrow(/expected some results, got 1/);
  });

  test("refuses a variant that is correct at first and drifts when repeated", async () => {
    const drifting = (x: Tensor): Variant[] => {
      const inner = engine(x);
      let runs = 0;
      const run = () => {
        runs++;
        if (runs <= 2) inner.run();
        if (runs === 3) inner.results()[0]!.set(values);
      };
      return [{ name: "drifting", run, results: () => inner.results() }];
    };
    await expect(measureKernel(reluCase(drifting), fast)).rejects.toThrow(/drifting is off by/);
  });

  test("names the option that is out of range", async () => {
    const none = reluCase(() => []);
    await expect(measureKernel(none, { rounds: 0 })).rejects.toThrow(/rounds: expected .* got 0/);
    await expect(measureKernel(none, { budget: -1 })).rejects.toThrow(/budget: expected .* got -1/);
    await expect(measureKernel(none, { roundMs: Number.NaN })).rejects.toThrow(/roundMs: expected .* got NaN/);
  });
});

describe("runCases", () => {
  test("reports a failing case and continues, with a new device if the old one is broken", async () => {
    const refused = reluCase((x) => [
      recorded("refused", () => {
        const y = empty(x.shape);
        refusedKernel.run({ bind: { x, y }, grid: grid1d(SIZE) });
        return [y];
      }),
    ]);
    // An error that no scope catches, in the midst of the rounds.
    const spoiling = reluCase((x) => {
      const inner = engine(x);
      let runs = 0;
      const run = () => {
        inner.run();
        if (++runs === 3) currentGpu().device.createBuffer({ size: 16, usage: 0 });
      };
      return [{ name: "spoiling", run, results: () => inner.results() }];
    });
    const host = { kind: "host" as const, group: "test", name: "host" };
    const results = await runCases(
      [
        refused,
        reluCase((x) => [engine(x)]),
        spoiling,
        { ...host, measure: async () => [{ name: "answer", value: 42, unit: "ms" }] },
        { ...host, measure: () => Promise.reject(new Error("no such thing")) },
      ],
      fast,
    );
    expect(results.map((r) => r.kind)).toEqual(["failure", "kernel", "failure", "host", "failure"]);
    const errors = results.flatMap((r) => (r.kind === "failure" ? [r.error] : []));
    expect(errors[0]).toMatch(/bench_test_refused/);
    expect(errors[1]).toMatch(/usage|Usage/);
    expect(errors[2]).toBe("no such thing");
  });

  test("stops between two rounds at the signal, and keeps the finished cases", async () => {
    const controller = new AbortController();
    let rounds = 0;
    const slow = reluCase((x) => {
      const inner = engine(x);
      return [
        {
          name: "counting",
          run: () => {
            inner.run();
            if (++rounds === 3) controller.abort();
          },
          results: () => inner.results(),
        },
      ];
    });
    const seen: string[] = [];
    const results = await runCases([reluCase(() => []), slow, reluCase(() => [])], {
      ...fast,
      signal: controller.signal,
      onStart: (_, i) => seen.push(`start ${i}`),
      onResult: (r) => void seen.push(r.kind),
    });
    expect(results).toHaveLength(1);
    expect(seen).toEqual(["start 0", "kernel", "start 1"]);
  });
});

describe("clocks and gauges", () => {
  test("returns finite times with both clocks, and falls back without timestamps", async () => {
    using _scope = new Scope();
    const x = tensor(values);
    const variant = plain(x);
    variant.run();
    expect((await timeRuns(currentGpu(), () => variant.run(), 10, "queue")).ms).toBeGreaterThan(0);
    if (currentGpu().device.features.has("timestamp-query")) {
      const many = await timeRuns(currentGpu(), () => variant.run(), 500, "timestamp");
      expect(many.ms).toBeGreaterThan(0);
      expect(many.ms).toBeLessThan(10_000);
    }
    expect((await timeRuns(currentGpu(), () => {}, 1, "timestamp")).clock).toBe("queue");
    expect(currentGpu().stream.timer).toBeUndefined();
    expect(["queue", "timestamp"]).toContain(await pickClock());
  });

  test("measures bandwidth and arithmetic, and keeps the better of two readings", async () => {
    const gauge = await measureGauge({ sizes: [2 ** 20], fmaMs: 4 });
    expect(gauge.copies.map((c) => c.perThread)).toEqual([1, 4, 8]);
    expect(gauge.copyGBs).toBe(Math.max(...gauge.copies.map((c) => c.gbs)));
    expect(gauge.fmaGFlops).toBe(Math.max(...gauge.chains.map((c) => c.gflops)));
    expect(gauge.fmaGFlops).toBeGreaterThan(0);
    const slower = { ...gauge, copies: gauge.copies.map((c) => ({ ...c, gbs: c.gbs / 2 })) };
    expect(betterGauge(slower, gauge)).toEqual(gauge);
    await expect(measureGauge({ sizes: [1000] })).rejects.toThrow(/multiples of 4096 bytes, got 1000/);
  });
});
