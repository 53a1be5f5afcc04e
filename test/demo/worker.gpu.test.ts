// The demo's worker without a page: the test sends commands to a studio and reads its reports.
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Command, Report } from "../../demo/shared/protocol.ts";
import { DEFAULTS, METHODS, type Settings } from "../../demo/shared/settings.ts";
import { softmaxOf } from "../../demo/worker/ink.ts";
import { Studio, type StudioOptions } from "../../demo/worker/studio.ts";
import { currentGpu, type Gpu, setCurrentGpu } from "../../src/gpu/index.ts";
import { parseSafetensors, readModelWeights, writeSafetensors } from "../../src/io/index.ts";
import { loadOnnx, relativeError } from "../export/onnx_runtime.ts";
import { testHalf } from "../support/half.ts";
import { squares } from "../support/shapes.ts";
import { sameBits } from "../support/tiny_session.ts";

type Kind = Report["kind"];
type Of<K extends Kind> = Extract<Report, { kind: K }>;

/** 16 steps an epoch of 16 images. */
const data = { train: squares(256, 28, 1), test: squares(48, 28, 9) };
const settings: Settings = { ...DEFAULTS, batchSize: 16, epochs: 3, lr: 0.02 };

class Desk {
  readonly reports: Report[] = [];
  readonly studio: Studio;
  private readonly listeners = new Set<() => void>();

  constructor(options: Partial<StudioOptions> = {}) {
    this.studio = new Studio({
      sources: async () => ["mnist"],
      load: async () => data,
      ...options,
      report: (report) => {
        this.reports.push(report);
        for (const listener of this.listeners) listener();
      },
    });
  }

  async do(...commands: Command[]): Promise<void> {
    for (const command of commands) await this.studio.handle(command);
  }

  all<K extends Kind>(kind: K): Of<K>[] {
    return this.reports.filter((r): r is Of<K> => r.kind === kind);
  }

  /** Wait for the first report of a kind at index `since` of the log or later. */
  async receive<K extends Kind>(kind: K, fits: (r: Of<K>) => boolean = () => true, since = 0): Promise<Of<K>> {
    const find = () => this.reports.slice(since).find((r): r is Of<K> => r.kind === kind && fits(r as Of<K>));
    for (;;) {
      const found = find();
      if (found) return found;
      await new Promise<void>((resolve) => {
        const listener = () => {
          this.listeners.delete(listener);
          resolve();
        };
        this.listeners.add(listener);
      });
    }
  }

  /** Wait for the next pause. */
  async paused(since: number): Promise<Of<"state">> {
    return this.receive("state", (r) => !r.running, since);
  }

  points(lane: 0 | 1): Of<"points">["points"][number][] {
    return this.all("points").flatMap((r) => (r.lane === lane ? [...r.points] : []));
  }
}

let outer: Gpu;
let desk: Desk;
beforeEach(() => {
  outer = currentGpu();
  desk = new Desk();
});
afterEach(async () => {
  await desk.studio.close();
  setCurrentGpu(outer);
});

const open: Command = { kind: "open", assets: "" };
const build = (change: Partial<Settings> = {}): Command => ({ kind: "build", settings: { ...settings, ...change } });
const pictures: Command = { kind: "watch", pictures: true, timeline: false, spikes: false };

test("builds two lanes, trains them in turns, prunes and finishes", async () => {
  await desk.do(open, pictures, build());
  const [opened] = desk.all("opened");
  expect(opened?.sources).toEqual(["mnist"]);
  const [built] = desk.all("built");
  expect(built?.lanes.map((l) => [l.method, l.parameters, l.denseBytes])).toEqual([
    ["lats", 104444, 417776],
    ["dense", 104444, 417776],
  ]);
  expect([built?.totalSteps, built?.stepsPerEpoch]).toEqual([48, 16]);
  expect(desk.all("state").at(-1)).toEqual({ kind: "state", running: false, finished: false, step: 0 });
  await desk.do({ kind: "run" });
  await desk.receive("state", (r) => r.finished);
  expect(desk.all("problem")).toEqual([]);
  for (const lane of [0, 1] as const) {
    const points = desk.points(lane);
    expect(points.filter((p) => p.testAccuracy !== null).map((p) => p.step)).toEqual([16, 32, 48]);
    expect(points.map((p) => p.step)).toEqual([...points.map((p) => p.step)].sort((a, b) => a - b));
    expect(points.at(-1)?.testAccuracy).toBeGreaterThan(0.9);
    expect(points.at(-1)?.imagesPerSecond).toBeGreaterThan(0);
  }
  expect(desk.points(0).at(-1)?.sparsity).toBeGreaterThan(0.5);
  expect(desk.points(0)[0]?.lambda).toBeGreaterThan(0);
  expect(desk.points(1).at(-1)?.sparsity).toBe(0);
  const last = desk
    .all("picture")
    .filter((p) => p.lane === 0)
    .at(-1);
  expect(last?.step).toBe(48);
  expect(last?.layers.map((l) => l.name)).toEqual(["0.weight", "3.weight", "7.weight", "9.weight"]);
  const zeros = last?.layers.reduce((n, l) => n + l.zeros, 0) ?? 0;
  const weights = last?.layers.reduce((n, l) => n + l.weights.length, 0) ?? 1;
  expect(zeros / weights).toBeCloseTo(desk.points(0).at(-1)?.sparsity ?? 0, 5);
  expect(last?.sparseBytes).toBe(Math.ceil((weights + 32 * (weights - zeros) + 32 * (104444 - weights)) / 8));
});

test("steps are exact, a pause lasts, and its reports belong to that step", async () => {
  await desk.do(open, pictures, build());
  let at = desk.reports.length;
  await desk.do({ kind: "step", steps: 3 });
  expect((await desk.paused(at)).step).toBe(3);
  expect(desk.points(0).map((p) => p.step)).toEqual([3]);
  expect(desk.points(1).map((p) => p.step)).toEqual([3]);
  expect(desk.all("picture").at(-1)?.step).toBe(3);
  at = desk.reports.length;
  await desk.do({ kind: "run" }, { kind: "pause" });
  await desk.paused(at);
  await new Promise((resolve) => setTimeout(resolve, 500));
  const { step } = desk.all("state").at(-1)!;
  const count = desk.reports.length;
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(desk.reports.length).toBe(count);
  at = count;
  await desk.do({ kind: "step", steps: 1 });
  expect((await desk.paused(at)).step).toBe(step + 1);
  await desk.do({ kind: "step", steps: 0 });
  expect(desk.all("problem").map((p) => p.what)).toEqual(["step"]);
});

test("equal seeds and settings give equal lanes, whatever is reported meanwhile", async () => {
  await desk.do(open, { kind: "watch", pictures: true, timeline: true, spikes: true }, build({ against: "lats" }));
  const drawing = new Uint8Array(784).fill(90, 300, 400);
  const at = desk.reports.length;
  await desk.do({ kind: "step", steps: 10 }, { kind: "classify", id: 1, pixels: drawing, size: 28 });
  await desk.receive("classified");
  await desk.paused(at);
  const [one, other] = ([0, 1] as const).map((lane) => desk.all("picture").findLast((p) => p.lane === lane));
  expect(one?.step).toBe(10);
  expect(other?.layers.map((l) => l.weights)).toEqual(one?.layers.map((l) => l.weights));
  const { rows } = await desk.receive("timeline");
  expect(rows.length).toBeGreaterThan(20);
  expect(rows.at(-1)?.kernel).toBe("sgd_plain");
  // The same without reports and without a second lane.
  await desk.do({ kind: "watch", pictures: false, timeline: false, spikes: false }, build({ against: "none" }));
  const begin = desk.reports.length;
  await desk.do({ kind: "step", steps: 10 });
  await desk.paused(begin);
  await desk.do({ kind: "export", lane: 0, what: "dense" });
  const { tensors } = parseSafetensors((await desk.receive("exported")).bytes);
  for (const layer of one?.layers ?? []) {
    expect(sameBits(tensors.get(layer.name)?.data as Float32Array, layer.weights)).toBe(true);
  }
});

test("changes the final threshold during training; refuses methods without one", async () => {
  await desk.do(open, build());
  let at = desk.reports.length;
  await desk.do({ kind: "step", steps: 10 });
  await desk.paused(at);
  const before = desk.points(0).at(-1)?.threshold ?? 0;
  at = desk.reports.length;
  await desk.do({ kind: "threshold", final: 0.5 }, { kind: "step", steps: 1 });
  await desk.paused(at);
  expect(desk.points(0).at(-1)?.threshold).toBeGreaterThan(4 * before);
  await desk.do(build({ method: "gmp" }), { kind: "threshold", final: 0.5 });
  expect(desk.all("problem").at(-1)?.message).toContain("gmp and dense: no final threshold");
});

test("a planned move of D has the effect of one made at that step, and is reported once", async () => {
  const moves = [{ step: 5, threshold: 0.3 }];
  await desk.do(open);
  const ends = async (planned: boolean) => {
    const log = desk.reports.length;
    await desk.do({ ...build({ against: "pgh" }), ...(planned ? { moves } : {}) }, { kind: "step", steps: 5 });
    await desk.receive("state", (r) => r.step === 5, log);
    if (!planned) await desk.do({ kind: "threshold", final: 0.3 });
    const at = desk.reports.length;
    await desk.do({ kind: "step", steps: 4 });
    await desk.receive("state", (r) => r.step === 9, at);
    const moved = desk.reports.slice(log).filter(({ kind }) => kind === "moved");
    const points = desk.all("points").slice(-1)[0]!.points.at(-1)!;
    return { moved, points: { ...points, imagesPerSecond: null } };
  };
  const [byHand, byItself] = [await ends(false), await ends(true)];
  expect(byItself).toEqual(byHand);
  expect(byItself.moved).toEqual([{ kind: "moved", move: moves[0] }]);
});

test("the speed of a network is measured between two steps, and the network stays as it was", async () => {
  await desk.do(open, build(), { kind: "step", steps: 2 });
  await desk.receive("state", (r) => r.step === 2 && !r.running);
  const exported = async () => {
    const from = desk.reports.length;
    await desk.do({ kind: "export", lane: 0, what: "dense" });
    return (await desk.receive("exported", () => true, from)).bytes;
  };
  const before = await exported();
  await desk.do({ kind: "speed", lane: 0 });
  const { lane, facts } = await desk.receive("speed");
  expect([lane, facts.batches]).toEqual([0, [1, 64]]);
  expect(facts.rows.map(({ name }) => name)).toEqual([
    ...["dense", "sparse kernels", "compact", "compact, sparse kernels"],
  ]);
  for (const { rates, speedups } of facts.rows)
    expect([...rates, ...speedups].every((value) => value > 0 && Number.isFinite(value))).toBe(true);
  expect(facts.rows[0]!.speedups).toEqual([1, 1]);
  expect(facts.files.map(({ layout }) => layout)).toEqual(["dense", "bitmask", "csr", "block", "int8", "compact"]);
  expect(await exported()).toEqual(before);
  await desk.do({ kind: "step", steps: 1 });
  await desk.receive("state", (r) => r.step === 3);
  await desk.do(build({ against: "none" }), { kind: "speed", lane: 1 });
  expect((await desk.receive("problem", (p) => p.what === "speed")).message).toBe("there is no network 2");
});

test("an exported model can be imported", async () => {
  await desk.do(open, build({ threshold: 0.3 }), { kind: "run" });
  await desk.receive("state", (r) => r.finished);
  const accuracy = desk.points(0).at(-1)?.testAccuracy;
  await desk.do({ kind: "export", lane: 0, what: "sparse" });
  const sparse = await desk.receive("exported");
  expect(sparse.name).toBe("espalier-lenet-bn-lats.sparse.safetensors");
  const { metadata, weights } = readModelWeights(sparse.bytes, sparse.name);
  expect(metadata.get("accuracy")).toBe(String(accuracy));
  await desk.do({ kind: "export", lane: 0, what: "dense" });
  const dense = await desk.receive("exported", (r) => r !== sparse);
  expect(sparse.bytes.length).toBeLessThan(dense.bytes.length / 2);
  expect(readModelWeights(dense.bytes, "d").weights.get("7.weight")?.data).toEqual(weights.get("7.weight")?.data);

  // ONNX Runtime classifies a drawing as the page does.
  await desk.do({ kind: "export", lane: 0, what: "onnx" });
  const onnx = await desk.receive("exported", (r) => r.name === "espalier-lenet-bn-lats.onnx");
  const runtime = await loadOnnx(onnx.bytes);
  const { mean, std, images } = data.train;
  const pixels = images.slice(0, 28 * 28);
  const x = Float32Array.from(pixels, (v) => (v / 255 - mean[0]!) / std[0]!);
  const { logits } = await runtime.run({ input: { data: x, shape: [1, 1, 28, 28] } });
  await runtime.release();
  await desk.do({ kind: "classify", id: 5, pixels, size: 28 });
  const [read] = (await desk.receive("classified")).lanes;
  expect(relativeError(softmaxOf(logits?.data as Float32Array), read?.probabilities as Float32Array)).toBeLessThan(
    1e-4,
  );

  await desk.do(build({ seed: 7 }), { kind: "import", name: "m", bytes: new Uint8Array(sparse.bytes).buffer });
  const imported = await desk.receive("imported");
  expect(imported.accuracy).toBe(accuracy);
  expect(imported.sparsity).toBeCloseTo(Number(metadata.get("sparsity")), 6);
  await desk.do(build({ seed: 8 }), { kind: "import", name: "m.onnx", bytes: new Uint8Array(onnx.bytes).buffer });
  expect(await desk.receive("imported", (r) => r !== imported)).toEqual({ ...imported, name: "m.onnx" });
  const text = new TextEncoder().encode("no model");
  await desk.do({ kind: "import", name: "n.onnx", bytes: text.buffer as ArrayBuffer });
  expect((await desk.receive("problem", (p) => p.what === "import")).message).toMatch(/^n\.onnx: /);
  const log = desk.reports.length;
  await desk.do({ kind: "export", lane: 1, what: "sparse" });
  await desk.do(build({ model: "mobilenet-small", against: "none" }));
  await desk.do({ kind: "import", name: "m", bytes: new Uint8Array(sparse.bytes).buffer });
  const unknown = await desk.receive("problem", (p) => p.what === "import", log);
  expect(unknown.message).toContain("0.weight is unknown");
  await desk.do({ kind: "export", lane: 1, what: "dense" });
  expect((await desk.receive("problem", (p) => p.what === "export")).message).toBe("there is no network 2");
});

test("every lane classifies drawings and samples during training", async () => {
  await desk.do(open, build(), { kind: "run" }, { kind: "sample", id: 4 });
  const sample = await desk.receive("sample");
  expect([sample.id, sample.size, sample.pixels.length]).toEqual([4, 28, 784]);
  await desk.receive("state", (r) => r.finished);
  await desk.do({ kind: "classify", id: 8, pixels: sample.pixels, size: 28 });
  const { id, lanes } = await desk.receive("classified");
  expect([id, lanes.map((l) => l.method)]).toEqual([8, ["lats", "dense"]]);
  for (const { probabilities } of lanes) {
    expect(probabilities.length).toBe(4);
    expect(probabilities.reduce((a, b) => a + b)).toBeCloseTo(1, 5);
    expect(probabilities.indexOf(Math.max(...probabilities))).toBe(Number(sample.label));
  }
  await desk.do({ kind: "classify", id: 9, pixels: new Uint8Array(10000), size: 100 });
  expect((await desk.receive("problem")).message).toBe("the drawing is empty");
});

test("after a lost device the run continues from its snapshot to the same weights", async () => {
  const train = async (lose: boolean) => {
    const from = desk.reports.length;
    await desk.do(build(), { kind: "step", steps: 20 });
    await desk.receive("state", (r) => r.step === 20, from);
    await desk.do({ kind: "threshold", final: 0.15 }, { kind: "step", steps: 1 });
    await desk.receive("state", (r) => r.step === 21, from);
    if (lose) {
      await desk.do({ kind: "run" }, { kind: "lose" });
      await desk.receive("lost", () => true, from);
      expect((await desk.receive("restored", () => true, from)).step).toBe(21);
      expect(await desk.receive("state", (r) => r.running && r.step === 21, from)).toBeDefined();
    } else await desk.do({ kind: "run" });
    await desk.receive("state", (r) => r.finished, from);
    await desk.do({ kind: "export", lane: 0, what: "dense" });
    return parseSafetensors((await desk.receive("exported", () => true, from)).bytes).tensors;
  };
  await desk.do(open);
  const [plain, restored] = [await train(false), await train(true)];
  expect(desk.all("problem")).toEqual([]);
  expect(desk.all("lost")).toHaveLength(1);
  for (const [key, { data: values }] of plain) {
    expect(sameBits(restored.get(key)?.data as Float32Array, values), key).toBe(true);
  }
});

test("a device that is lost before the first step is replaced", async () => {
  await desk.do(open, build(), { kind: "lose" });
  expect((await desk.receive("restored")).step).toBe(0);
  const at = desk.reports.length;
  await desk.do({ kind: "step", steps: 2 });
  expect((await desk.paused(at)).step).toBe(2);
});

test("a spiking network shows its spikes after each epoch", async () => {
  await desk.do(open, { kind: "watch", pictures: false, timeline: false, spikes: true });
  await desk.do(build({ model: "spiking-cnn", timeSteps: 4, against: "none", epochs: 2, lr: 0.1 }), { kind: "run" });
  await desk.receive("state", (r) => r.finished);
  expect(desk.all("spikes").length).toBe(2);
  const { layers, samples, synOps, denseMacs } = desk.all("spikes")[1]!;
  expect(layers.map((l) => l.name)).toEqual(["sn1", "sn2", "sn3"]);
  for (const { raster, timeSteps, neurons, rate, potential } of layers) {
    expect(timeSteps).toBe(4 * (samples?.length ?? 0));
    expect(raster.length).toBe(timeSteps * neurons);
    expect(rate).toBeLessThanOrEqual(1);
    if (potential) expect(potential.length).toBe(timeSteps);
  }
  expect(layers.some((l) => l.potential)).toBe(true);
  expect(synOps).toBeGreaterThan(0);
  expect(denseMacs).toBeGreaterThan(synOps);
});

test.each(METHODS)("method %s takes its first steps", async (method) => {
  // A threshold of 0.1 within four steps would leave no path through the network.
  await desk.do(open, pictures, build({ method, against: "none", epochs: 1, batchSize: 64, threshold: 0.02 }));
  const at = desk.reports.length;
  await desk.do({ kind: "run" });
  await desk.receive("state", (r) => r.finished, at);
  expect(desk.all("problem")).toEqual([]);
  expect(desk.points(0).at(-1)?.step).toBe(4);
});

testHalf("trains in 16-bit precision, also the spiking network", async () => {
  for (const model of ["lenet-bn", "spiking-cnn"] as const) {
    const at = desk.reports.length;
    const settings = { model, precision: "f16", against: "none", epochs: 1, batchSize: 64, threshold: 0.02 } as const;
    await desk.do(open, pictures, build(settings));
    await desk.do({ kind: "run" });
    await desk.receive("state", (r) => r.finished, at);
    expect(desk.all("problem")).toEqual([]);
    expect(Number.isFinite(desk.points(0).findLast(({ loss }) => loss !== null)?.loss)).toBe(true);
  }
});

test("a network that pruning leaves dead is reported", async () => {
  await desk.do(open, build({ against: "none", epochs: 2, batchSize: 64, threshold: 1 }), { kind: "run" });
  await desk.receive("state", (r) => r.finished);
  expect(desk.all("problem").map(({ message }) => message)).toEqual([
    expect.stringMatching(/^the network is dead: no weight of .* is left/),
  ]);
});

test("makes only the last of several quick builds; refuses invalid settings and missing files", async () => {
  await desk.do(open);
  await Promise.all([1, 2, 3].map((seed) => desk.studio.handle(build({ seed, against: "none" }))));
  expect(desk.all("built").map((b) => b.settings.seed)).toEqual([3]);
  await desk.do(build({ lr: 9 }), build({ data: "files" }));
  expect(desk.all("problem").map((p) => p.message)).toEqual([
    "lr: expected a number from 0.0001 to 1, got 9",
    "there are no files yet: drop IDX files or a folder of images on the page",
  ]);
  const at = desk.reports.length;
  await desk.do({ kind: "step", steps: 1 });
  expect((await desk.paused(at)).step).toBe(1);
});

test("a loss that is not finite ends the run with a message", async () => {
  await desk.do(open, build({ against: "none" }), { kind: "export", lane: 0, what: "dense" });
  const { tensors } = parseSafetensors((await desk.receive("exported")).bytes);
  const last = tensors.get("9.weight")?.data as Float32Array;
  const huge = new Map([...tensors, ["9.weight", { dtype: "F32", shape: [4, 128], data: last.map(() => 3e38) }]]);
  const { buffer } = writeSafetensors(huge as Parameters<typeof writeSafetensors>[0]);
  await desk.do({ kind: "import", name: "huge", bytes: buffer }, { kind: "run" });
  await desk.receive("state", (r) => r.finished && !r.running);
  // The imported model has no accuracy, which is reported immediately.
  expect(desk.all("problem").map((p) => p.what)).toEqual(["import", "training"]);
  for (const { message } of desk.all("problem")) expect(message).toContain("is not finite");
  await desk.do(build({ against: "none" }));
  expect(desk.all("built")).toHaveLength(2);
});

test("without an adapter the visitor gets a reason", async () => {
  const bare = new Desk({ requestGpu: () => Promise.reject(new Error("no WebGPU adapter was found")) });
  await bare.do(open, build());
  expect(bare.all("no-gpu")[0]?.why).toBe("adapter");
  expect(bare.all("problem")[0]?.message).toBe("there is no GPU");
  await bare.studio.close();
});

test("D moves both ways: a lower one lets weights back during training and after the end", async () => {
  await desk.do(open, pictures, build({ against: "none", threshold: 0.02 }), { kind: "step", steps: 20 });
  await desk.receive("state", (r) => r.step === 20);
  const after = async (final: number, step: number) => {
    const at = desk.reports.length;
    await desk.do({ kind: "threshold", final }, { kind: "step", steps: 1 });
    await desk.receive("state", (r) => r.step === step && !r.running, at);
    return desk.points(0).at(-1)!;
  };
  const high = await after(0.3, 21);
  const low = await after(0.02, 22);
  expect(low.threshold).toBeLessThan(high.threshold / 5);
  expect(low.sparsity).toBeLessThan(high.sparsity);
  await desk.do({ kind: "run" });
  await desk.receive("state", (r) => r.finished);

  const recut = async (final: number) => {
    const at = desk.reports.length;
    await desk.do({ kind: "threshold", final });
    const tested = await desk.receive("tested", () => true, at);
    const { layers } = await desk.receive("picture", () => true, at);
    expect(layers.every(({ threshold }) => threshold === final)).toBe(true);
    return { tested, weights: layers.flatMap(({ weights }) => [...weights]) };
  };
  const few = await recut(0.9);
  const many = await recut(0.001);
  expect(many.tested).toMatchObject({ step: 48, images: 48 });
  expect(many.tested.sparsity).toBeLessThan(few.tested.sparsity);
  expect(many.tested.accuracy).toBeGreaterThan(few.tested.accuracy);
  // The stored weights stay: the same threshold gives the same weights.
  expect((await recut(0.9)).weights).toEqual(few.weights);
  expect(desk.all("problem")).toEqual([]);
});

test("a network that is dead in the middle of a run heals when D falls", async () => {
  await desk.do(open, build({ against: "none", epochs: 4, threshold: 1 }), { kind: "step", steps: 17 });
  await desk.receive("problem");
  await desk.receive("state", (r) => r.step === 17 && !r.running);
  await desk.do({ kind: "threshold", final: 0.01 }, { kind: "run" });
  await desk.receive("state", (r) => r.finished);
  expect(desk.all("problem").map(({ message }) => message)).toEqual([expect.stringMatching(/^the network is dead/)]);
  expect(desk.points(0).at(-1)).toMatchObject({ step: 64, testAccuracy: expect.any(Number) });
  expect(desk.points(0).at(-1)?.testAccuracy).toBeGreaterThan(0.5);
});

test("tests on a part of the test set several times an epoch, and changes no weight by it", async () => {
  const weights = async (tests: boolean) => {
    await desk.do({ kind: "watch", pictures: false, timeline: false, spikes: false, tests }, build({ epochs: 2 }));
    const at = desk.reports.length;
    await desk.do({ kind: "run" });
    await desk.receive("state", (r) => r.finished, at);
    await desk.do({ kind: "export", lane: 0, what: "dense" });
    return (await desk.receive("exported", () => true, at)).bytes;
  };
  await desk.do(open);
  const plain = await weights(false);
  expect(desk.all("tested")).toEqual([]);
  expect(await weights(true)).toEqual(plain);
  const tests = desk.all("tested");
  expect(new Set(tests.map(({ lane }) => lane))).toEqual(new Set([0, 1]));
  // At the end of an epoch the whole test set is used.
  expect(tests.filter(({ step }) => step % 16 === 0)).toEqual([]);
  for (const { accuracy, images } of tests) {
    expect(images).toBe(48);
    expect(Number.isInteger(Math.round(accuracy * images * 1e6) / 1e6)).toBe(true);
  }
});

test("a tempo limits the steps of a run by the clock, and single steps not at all", async () => {
  await desk.do(open, build({ against: "none", epochs: 100 }), { kind: "tempo", tempo: "slow" });
  const began = performance.now();
  await desk.do({ kind: "run" });
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const at = desk.reports.length;
  await desk.do({ kind: "pause" });
  const { step } = await desk.paused(at);
  // 1600 steps in 100 seconds, and the steps of a tick in advance.
  expect(step).toBeLessThanOrEqual(((performance.now() - began) / 1000) * 16 + 3);
  await desk.do({ kind: "tempo", tempo: "max" }, { kind: "step", steps: 3 });
  await desk.receive("state", (r) => r.step === step + 3);
});

test("compiles the kernels of a build without a step of its networks", async () => {
  await desk.do(open, { ...build({ against: "none" }), warm: true } as Command, { kind: "step", steps: 2 });
  await desk.receive("prepared");
  await desk.receive("state", (r) => r.step === 2);
  await desk.do({ kind: "export", lane: 0, what: "dense" });
  const warmed = (await desk.receive("exported")).bytes;
  const at = desk.reports.length;
  await desk.do(build({ against: "none" }), { kind: "step", steps: 2 });
  await desk.receive("state", (r) => r.step === 2, at);
  await desk.do({ kind: "export", lane: 0, what: "dense" });
  expect((await desk.receive("exported", () => true, at)).bytes).toEqual(warmed);
});
