import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Tape } from "../../src/autograd/index.ts";
import {
  type Candidate,
  type Choice,
  currentGpu,
  GENERIC_ADAPTER,
  Gpu,
  openDryGpu,
  requestGpu,
  setCurrentGpu,
  Tuner,
  type TuneStore,
  tuneClass,
} from "../../src/gpu/index.ts";
import { hasAdapterClock, timeRuns } from "../../src/gpu/tune_clock.ts";
import { measurePeak, peakText, readPeak } from "../../src/gpu/tune_peak.ts";
import { enableNaiveConvolution } from "../../src/ops/conv/naive.ts";
import { conv2d } from "../../src/ops/conv2d.ts";
import { matmul } from "../../src/ops/matmul.ts";
import { captureStep, readAll, rehearse, Scope, type Tensor, tensor } from "../../src/tensor/index.ts";
import { expectClose } from "../support/close.ts";
import { randomArray } from "../support/random.ts";
import { countingClock, soft } from "../support/tuner_choice.ts";

enableNaiveConvolution();

const tolerance = { rtol: 1e-5, atol: 2e-6 };
const patient = 120_000; // compiling on a software adapter is no part of what these tests are about

/** A store in memory that shows what it holds. */
function memoryStore(): TuneStore & { readonly held: Map<string, Readonly<Record<string, string>>> } {
  const held = new Map<string, Readonly<Record<string, string>>>();
  return {
    held,
    load: async (adapter) => held.get(adapter) ?? {},
    save: async (adapter, winners) => void held.set(adapter, { ...winners }),
  };
}

describe("a tuner", () => {
  test("keeps the rule until it has measured, then the fastest, then what was stored", async () => {
    const gpu = currentGpu();
    const store = memoryStore();
    const tuner = new Tuner(gpu, { mode: "on", store, budgetMs: patient }, countingClock());
    const choice = soft("k", { slow: 40, fast: 1 });
    expect(tuner.pick(choice).label).toBe("slow");
    expect(tuner.pick(choice).label).toBe("slow");
    const live = gpu.memory().live;
    expect(await tuner.tune()).toMatchObject({ measured: 1, left: 0 });
    expect(gpu.memory().live).toBe(live);
    expect(tuner.pick(choice).label).toBe("fast");
    expect([...tuner.choices()]).toEqual([["k", "fast"]]);
    expect([...store.held.values()]).toEqual([{ k: "fast" }]);
    expect(await tuner.tune()).toMatchObject({ measured: 0, left: 0, ms: 0 });

    const next = new Tuner(gpu, { mode: "on", store });
    await next.load();
    expect(next.pick(choice).label).toBe("fast");
    expect(await next.tune()).toMatchObject({ measured: 0 });
  });

  test("measures again what the store calls by a name that no candidate has", async () => {
    const store = memoryStore();
    const tuner = new Tuner(currentGpu(), { mode: "on", store, budgetMs: patient }, countingClock());
    store.held.set(tuner.adapterKey, { k: "of another version", other: "x" });
    await tuner.load();
    expect(tuner.pick(soft("k", { slow: 40, fast: 1 })).label).toBe("slow");
    expect(await tuner.tune()).toMatchObject({ measured: 1 });
    expect(store.held.get(tuner.adapterKey)).toEqual({ k: "fast", other: "x" });
  });

  test("the rule's candidate stays unless another is clearly faster", async () => {
    const tuner = new Tuner(currentGpu(), { mode: "on", budgetMs: patient });
    tuner.pick(soft("k", { rule: 2, slower: 60 }));
    await tuner.tune();
    expect([...tuner.choices()]).toEqual([["k", "rule"]]);
  });

  test("off: uses the rule and requests no other candidates", async () => {
    const store = memoryStore();
    const tuner = new Tuner(currentGpu(), { mode: "off", store });
    store.held.set(tuner.adapterKey, { k: "fast" });
    await tuner.load();
    const choice = soft("k", { slow: 40, fast: 1 });
    const others = vi.spyOn(choice, "others");
    expect(tuner.active).toBe(false);
    expect(tuner.pick(choice).label).toBe("slow");
    expect(await tuner.tune()).toEqual({ measured: 0, left: 0, ms: 0 });
    expect(tuner.pick(choice).label).toBe("slow");
    expect(others).not.toHaveBeenCalled();
  });

  test("auto: active on hardware only", () => {
    const { gpu, release } = openDryGpu(GENERIC_ADAPTER);
    expect(new Tuner(gpu, { mode: "auto" }).active).toBe(true);
    release();
    const software = openDryGpu({ ...GENERIC_ADAPTER, software: true });
    expect(new Tuner(software.gpu, { mode: "auto" }).active).toBe(false);
    expect(new Tuner(software.gpu, { mode: "on" }).active).toBe(true);
    expect(software.gpu.tuner.active).toBe(false);
    software.release();
  });

  test("a used-up budget leaves the rest to the rule, the largest first served", async () => {
    const none = new Tuner(currentGpu(), { mode: "on", budgetMs: 0 });
    none.pick(soft("k", { slow: 40, fast: 1 }));
    expect(await none.tune()).toMatchObject({ measured: 0, left: 1 });
    expect([...none.choices()]).toEqual([["k", "slow"]]);

    // Spent after the first of two: the second candidate of "large" ends it.
    let tried: string[] = [];
    const tuner = new Tuner(currentGpu(), { mode: "on", budgetMs: 1e-6 });
    for (const [key, work] of [
      ["small", 1],
      ["large", 2],
    ] as const) {
      const choice = soft(key, { slow: 4, fast: 1 }, work);
      tuner.pick({
        ...choice,
        trial: () => {
          tried = [...tried, key];
          return choice.trial();
        },
      });
    }
    expect(await tuner.tune()).toMatchObject({ measured: 0, left: 2 });
    expect(tried).toEqual(["large"]);
    expect([...tuner.choices().values()]).toEqual(["slow", "slow"]);
    expect(await tuner.tune()).toMatchObject({ measured: 0, left: 2, ms: 0 });
    expect(tried).toEqual(["large"]);
  });

  test("two calls at a time are one", async () => {
    const tuner = new Tuner(currentGpu(), { mode: "on", budgetMs: patient });
    tuner.pick(soft("k", { slow: 40, fast: 1 }));
    const [first, second] = await Promise.all([tuner.tune(), tuner.tune()]);
    expect(second).toBe(first);
    expect(first.measured).toBe(1);
  });

  test("a store that fails costs nothing but a line", async () => {
    const said = vi.spyOn(console, "error").mockImplementation(() => {});
    const fails = () => Promise.reject(new Error("no disk"));
    const tuner = new Tuner(currentGpu(), { mode: "on", store: { load: fails, save: fails }, budgetMs: patient });
    await tuner.load();
    tuner.pick(soft("k", { slow: 40, fast: 1 }));
    expect(await tuner.tune()).toMatchObject({ measured: 1 });
    expect(said.mock.calls.map(([line]) => line)).toEqual([
      "tune: the store was not read: no disk",
      "tune: the winners were not stored: no disk",
    ]);
    said.mockRestore();
  });

  test("refuses an unknown mode, a bad budget, and tuning during a capture", async () => {
    const gpu = currentGpu();
    expect(() => new Tuner(gpu, { mode: "yes" as "on" })).toThrow('tune: expected one of off, auto, on, got "yes"');
    expect(() => new Tuner(gpu, { budgetMs: -1 })).toThrow("milliseconds >= 0, got -1");
    gpu.stream.record();
    await expect(gpu.tuner.tune()).rejects.toThrow("tuning inside a captured step");
    gpu.stream.takeRecording();
  });
});

describe("trials", () => {
  test("stops at a candidate that is near the adapter's peak", async () => {
    const near = { multiplyAdds: 1000, bytes: 1000 };
    const clock = countingClock(near);
    const tuner = new Tuner(currentGpu(), { mode: "on", budgetMs: patient }, clock);
    // 2 ms at best: 2.3 would be near enough.
    tuner.pick(soft("k", { rule: 40, fast: 2, faster: 1 }, 2000));
    expect(await tuner.tune()).toMatchObject({ measured: 1, left: 0 });
    expect([...tuner.choices()]).toEqual([["k", "fast"]]);
    expect(clock.samples).not.toContain(1);

    // The bytes bound it too, and then the rule alone is compiled.
    clock.samples.length = 0;
    tuner.pick({ ...soft("moves", { rule: 4, other: 1 }), bytes: 3600 });
    await tuner.tune();
    expect(tuner.choices().get("moves")).toBe("rule");
    expect(clock.samples).toEqual([4]);

    clock.samples.length = 0;
    tuner.pick({ ...soft("far", { rule: 4, other: 1 }), bytes: 100 });
    await tuner.tune();
    expect(tuner.choices().get("far")).toBe("other");
  });

  test("measures the peak once and stores it", async () => {
    const store = memoryStore();
    const peak = { multiplyAdds: 1e9, bytes: 2e9 };
    const clock = countingClock(peak);
    const measured = vi.spyOn(clock, "peak");
    for (const key of ["a", "b"]) {
      const tuner = new Tuner(currentGpu(), { mode: "on", store, budgetMs: patient }, clock);
      await tuner.load();
      tuner.pick(soft(key, { slow: 4, fast: 1 }));
      await tuner.tune();
    }
    expect(measured).toHaveBeenCalledOnce();
    expect([...store.held.values()]).toEqual([{ a: "fast", b: "fast", peak: "1000000000 2000000000" }]);
  });

  test("shapes of one key share the winner's label, each by its own candidate", async () => {
    const tuner = new Tuner(currentGpu(), { mode: "on", budgetMs: patient }, countingClock());
    const small = soft("k", { slow: 40, fast: 2 }, 1);
    const large = soft("k", { slow: 80, fast: 4 }, 2);
    const odd = soft("k", { only: 3 }, 1);
    expect([small, large, odd].map((choice) => tuner.pick(choice).times)).toEqual([40, 80, 3]);
    expect(await tuner.tune()).toMatchObject({ measured: 1, left: 0 });
    // A shape without the winner keeps its rule.
    expect([small, large, odd].map((choice) => tuner.pick(choice).times)).toEqual([2, 4, 3]);
  });

  test("sizes above 256 have one class for each power of two", () => {
    expect([1, 10, 255, 256, 257, 512, 513, 50176].map(tuneClass)).toEqual([1, 10, 255, 256, 512, 512, 1024, 65536]);
  });

  test("the peak of this adapter is measured", async () => {
    const peak = await measurePeak(currentGpu().device);
    expect(peak!.multiplyAdds).toBeGreaterThan(1e5);
    expect(peak!.bytes).toBeGreaterThan(1e5);
    expect(readPeak(peakText(peak!))!.bytes).toBeCloseTo(peak!.bytes, -1);
    expect([undefined, "", "fast", "1"].map(readPeak)).toEqual([null, null, null, null]);
  });
});

test("the adapter's clock and the host's agree about work that takes long", async () => {
  const usual = currentGpu();
  // The adapter's clock is for hardware: this device says that it is.
  const gpu = new Gpu({ ...usual.adapter, software: false }, usual.device);
  setCurrentGpu(gpu);
  try {
    const trial = soft("k", { long: 40 }).trial();
    const run = () => trial.run({ label: "long", times: 40 });
    const hasClock = gpu.device.features.has("timestamp-query");
    expect(hasAdapterClock(gpu)).toBe(hasClock);
    expect(hasAdapterClock(new Gpu({ ...usual.adapter, software: true }, usual.device))).toBe(false);
    await timeRuns(gpu, run, 40, 1);
    const times: number[] = [];
    for (let i = 0; i < 3; i++) {
      const started = performance.now();
      const ms = await timeRuns(gpu, run, 40, 5); // 200 dispatches: three submits
      times.push((5 * ms) / (performance.now() - started));
    }
    expect(Math.max(...times)).toBeLessThan(1.05);
    expect(Math.max(...times)).toBeGreaterThan(0.1);
    expect(gpu.stream.timer).toBeUndefined();
    if (hasClock) {
      const profile = await gpu.profile();
      expect(hasAdapterClock(gpu)).toBe(false); // the profile is using it
      expect(await timeRuns(gpu, run, 40, 1)).toBeGreaterThan(0);
      expect((await profile.stop())[0]?.calls).toBe(40);
    }
    trial.dispose();
    await gpu.wait();
    gpu.pool.trim();
  } finally {
    setCurrentGpu(usual);
  }
});

describe("ops under a tuner", () => {
  let usual: Gpu;
  let gpu: Gpu;
  beforeEach(async () => {
    usual = currentGpu();
    const opened = await requestGpu();
    // Hardware has the most candidates: this device says that it is.
    gpu = new Gpu({ ...opened.adapter, software: false }, opened.device, { mode: "on", budgetMs: patient });
    setCurrentGpu(gpu);
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    await gpu.wait();
    gpu.destroy();
    setCurrentGpu(usual);
  });

  const values = {
    x: randomArray(2 * 3 * 7 * 6, 1),
    w: randomArray(9 * 3 * 9, 2),
    a: randomArray(5 * 20, 3),
    b: randomArray(20 * 9, 4),
  };

  /** A convolution and a product, with all their gradients. */
  async function everything(algorithm: "auto" | "naive"): Promise<ArrayLike<number>[]> {
    using _scope = new Scope();
    const leaves = {
      x: tensor(values.x, [2, 3, 7, 6]),
      w: tensor(values.w, [9, 3, 3, 3]),
      a: tensor(values.a, [5, 20]),
      b: tensor(values.b, [20, 9]),
    };
    for (const leaf of Object.values(leaves)) leaf.requiresGrad = true;
    const outputs: Tensor[] = [];
    for (const run of [
      () => conv2d(leaves.x, leaves.w, null, { padding: 1, algorithm }),
      () => matmul(leaves.a, leaves.b, {}),
    ]) {
      using tape = new Tape();
      const y = tape.keep(run());
      tape.backward(y, tensor(randomArray(y.numel, 7), y.shape));
      outputs.push(y);
    }
    const got = await readAll(...outputs, ...Object.values(leaves).map((leaf) => leaf.grad!));
    for (const leaf of Object.values(leaves)) leaf.grad!.dispose();
    return got;
  }

  test("are right by every candidate", async () => {
    const want = await everything("naive");
    const labels = new Set<string>();
    const pick = vi.spyOn(gpu.tuner, "pick");
    let most = 1;
    for (let i = 0; i < most; i++) {
      pick.mockImplementation(<C extends Candidate>(choice: Choice<C>): C => {
        const all = [choice.rule(), ...choice.others()];
        expect(all.length).toBeLessThanOrEqual(10); // the rule may be among the others
        most = Math.max(most, all.length);
        const chosen = all[Math.min(i, all.length - 1)]!;
        labels.add(`${choice.key.split(" ")[0]} ${chosen.label}`);
        return chosen;
      });
      const got = await everything("auto");
      got.forEach((values, k) => {
        expectClose(values, want[k]!, tolerance, `result ${k} by candidate ${i}`);
      });
    }
    const some = ["correlation tile 16x256x8", "conv2d tile 32x32", "gemm tile 32x32x16"];
    expect([...labels]).toEqual(expect.arrayContaining(some));
    expect(labels.size).toBeGreaterThan(6);
  });

  test("are right before and after tuning, and choose the same again from the store", async () => {
    const want = await everything("naive");
    const before = await everything("auto");
    const { measured, left } = await gpu.tuner.tune();
    expect(measured).toBeGreaterThanOrEqual(4);
    expect(left).toBe(0);
    const after = await everything("auto");
    want.forEach((values, k) => {
      expectClose(before[k]!, values, tolerance, `result ${k} by rule`);
      expectClose(after[k]!, values, tolerance, `result ${k} tuned`);
    });
    expect(await gpu.tuner.tune()).toMatchObject({ measured: 0 });
    expect(await everything("auto")).toEqual(after);
  });

  test("a captured step keeps its kernels", async () => {
    using _scope = new Scope();
    const b = tensor(values.b, [20, 9]);
    using step = captureStep(({ a }: { a: Tensor }) => ({ y: matmul(a, b) }));
    const input = { a: { data: values.a, shape: [5, 20] } };
    step.run(input);
    const kernels = step.describe();
    const first = await step.outputs.y.data();
    await gpu.tuner.tune();
    step.run(input);
    expect(step.describe()).toEqual(kernels);
    expect(await step.outputs.y.data()).toEqual(first);
  });

  test("a rehearsal makes the choices come up and runs nothing", async () => {
    using _scope = new Scope();
    const a = tensor(values.a, [5, 20]);
    const b = tensor(values.b, [20, 9]);
    const { dispatches } = gpu.stream.stats;
    const { live } = gpu.memory();
    rehearse(() => matmul(matmul(a, b), b, { transposeB: true }));
    expect(gpu.stream.stats.dispatches).toBe(dispatches);
    expect(gpu.memory().live).toBe(live);
    expect([...gpu.tuner.choices().keys()]).toEqual([
      expect.stringMatching(/^gemm 5x9x20 /),
      expect.stringMatching(/^gemm 5x20x9 /),
    ]);
    expect(() => rehearse(() => tensor(values.a))).toThrow("uploading inside a captured step");
    expect(() => rehearse(() => rehearse(() => {}))).toThrow("captured steps do not nest");
    expect(await matmul(a, b).data()).toHaveLength(45);
  });
});
