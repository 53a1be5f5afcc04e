// Executes the page's commands. Owns the GPU, the data and the run. Reports go to a callback, so that tests can use it
// without a page or a worker.
import { type Gpu, GpuLostError, type GpuOptions, requestGpu, setCurrentGpu } from "../../src/internal.ts";
import type { Command, Report, Tempo, ThresholdMove } from "../shared/protocol.ts";
import type { Settings } from "../shared/settings.ts";
import { loadShipped, type ShippedSource, type Splits, shippedSources } from "./digits.ts";
import type { DroppedFile } from "./file_data.ts";
import { fitInk } from "./ink.ts";
import type { Watch } from "./lane.ts";
import { Run } from "./run.ts";
import { checkSettings } from "./run_config.ts";

export interface StudioOptions {
  /** Receives every report; `transfer` lists buffers that the studio no longer needs. */
  readonly report: (report: Report, transfer?: readonly ArrayBuffer[]) => void;
  /** Default: `requestGpu` of the engine. */
  readonly requestGpu?: (options: GpuOptions) => Promise<Gpu>;
  /** Data sets of the site, and their data. Default: fetched from the page's folder. */
  readonly sources?: (assets: string) => Promise<readonly ShippedSource[]>;
  readonly load?: (assets: string, source: ShippedSource) => Promise<Splits>;
}

/** Time limit for autotuning, in ms: the visitor is waiting. */
const TUNE_MS = 1500;
/** Delay before each attempt to reopen a device, in ms. A driver needs time after a reset. */
const RETRY_DELAYS = [0, 500, 2000, 5000];

type Of<K extends Command["kind"]> = Extract<Command, { kind: K }>;

/** Load the code of model files, which most visitors do not use. */
const modelFiles = () => import("./model_files.ts");

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

export class Studio {
  private readonly options: StudioOptions;
  private readonly watch: Watch = { pictures: false, timeline: false, spikes: false, tests: false };
  private readonly data = new Map<Settings["data"], Splits>();
  private gpu: Gpu | null = null;
  private assets = "";
  private run: Run | null = null;
  /** Settings of the latest build command. */
  private requested: Settings | null = null;
  private tempo: Tempo = "max";
  private builds = 0;
  private lost = false;
  private closed = false;
  private queue: Promise<void> = Promise.resolve();

  constructor(options: StudioOptions) {
    this.options = options;
  }

  /** Execute a command after all earlier ones. Failures are reported, never thrown. */
  handle(command: Command): Promise<void> {
    if (command.kind === "build") this.builds++;
    const build = this.builds;
    this.queue = this.queue.then(async () => {
      try {
        if (this.closed) return;
        // Of several builds in quick succession only the last one is made.
        if (command.kind === "build" && build < this.builds) return;
        await this.execute(command);
      } catch (error) {
        this.reportProblem(command.kind, error);
      }
    });
    return this.queue;
  }

  private execute(command: Command): Promise<void> | void {
    switch (command.kind) {
      case "open":
        return this.open(command.assets);
      case "build":
        return this.build(command);
      case "tempo":
        return this.setTempo(command.tempo);
      case "run":
        return this.resume();
      case "pause":
        return this.pause();
      case "step":
        return this.step(command.steps);
      case "threshold":
        return this.current().setFinalThreshold(command.final);
      case "watch":
        return this.setWatch(command);
      case "files":
        return this.loadFiles(command.files);
      // These wait for a moment between two steps; the queue does not wait for them.
      case "classify":
        return this.runUnqueued(command.kind, () => this.classify(command));
      case "sample":
        return this.sample(command.id);
      case "export":
        return this.runUnqueued(command.kind, () => this.export(command));
      case "speed":
        return this.runUnqueued(command.kind, () => this.speed(command));
      case "import":
        return this.runUnqueued(command.kind, () => this.import(command));
      case "lose":
        return this.gpu?.device.destroy();
    }
  }

  private runUnqueued(what: string, work: () => Promise<void>): void {
    work().catch((error: unknown) => this.reportProblem(what, error));
  }

  private reportProblem(what: string, error: unknown): void {
    const gone = error instanceof GpuLostError;
    const message = gone ? "the GPU was lost meanwhile; try again once it is back" : messageOf(error);
    this.options.report({ kind: "problem", what, message });
  }

  private current(): Run {
    if (!this.run) throw new Error(this.gpu ? "there is no network yet" : "there is no GPU");
    return this.run;
  }

  private async open(assets: string): Promise<void> {
    this.assets = assets;
    if (!(globalThis.navigator as Navigator | undefined)?.gpu && !this.options.requestGpu) {
      this.options.report({ kind: "no-gpu", why: "webgpu", reason: "" });
      return;
    }
    let gpu: Gpu;
    try {
      gpu = await this.getGpu();
    } catch (error) {
      const reason = messageOf(error);
      this.options.report({ kind: "no-gpu", why: reason.includes("adapter") ? "adapter" : "start", reason });
      return;
    }
    let sources: readonly string[] = ["mnist"];
    try {
      sources = await (this.options.sources ?? shippedSources)(assets);
    } catch (error) {
      this.reportProblem("data", error);
    }
    const { adapter } = gpu;
    const names = [adapter.description, `${adapter.vendor} ${adapter.architecture}`.trim(), adapter.device];
    this.options.report({
      kind: "opened",
      adapter: names.find((name) => name !== "") ?? "unnamed adapter",
      software: adapter.software,
      features: adapter.features,
      sources,
    });
  }

  private async getGpu(): Promise<Gpu> {
    const gpu = await (this.options.requestGpu ?? requestGpu)({ tuneBudgetMs: TUNE_MS });
    this.gpu = gpu;
    this.lost = false;
    void gpu.device.lost.then(({ reason, message }) => {
      if (this.gpu !== gpu || this.closed) return;
      this.lost = true;
      this.options.report({ kind: "lost", reason: message || reason });
      // Work that waits for the lost device must end before a new one is opened.
      void this.run?.stop();
      this.queue = this.queue
        .then(() => this.recover(gpu))
        .catch((error: unknown) => this.reportProblem("restore", error));
    });
    return gpu;
  }

  private async recover(old: Gpu): Promise<void> {
    const before = this.run;
    const wasRunning = before?.turns.running === true;
    this.run = null;
    await before?.stop();
    // The memory went with the device.
    setCurrentGpu(null);
    this.gpu = null;
    try {
      old.destroy();
    } catch {
      // The device is lost already.
    }
    await this.reopenGpu();
    if (this.closed) return;
    if (!before) {
      if (this.requested) await this.build({ settings: this.requested });
      return;
    }
    this.run = this.makeRun(before.settings, before.data, [], before);
    await this.run.start();
    this.options.report({ kind: "restored", step: this.run.turns.step });
    if (wasRunning) this.run.play();
    this.run.reportState();
  }

  private async reopenGpu(): Promise<void> {
    let last: unknown;
    for (const wait of RETRY_DELAYS) {
      await new Promise((resolve) => setTimeout(resolve, wait));
      try {
        await this.getGpu();
        return;
      } catch (error) {
        last = error;
      }
    }
    this.options.report({ kind: "no-gpu", why: "back", reason: messageOf(last) });
    throw last;
  }

  private setTempo(tempo: Tempo): void {
    this.tempo = tempo;
    this.run?.setTempo(tempo);
  }

  private async build({ settings, warm = false, moves = [] }: Omit<Of<"build">, "kind">): Promise<void> {
    if (!this.gpu) throw new Error("there is no GPU");
    checkSettings(settings);
    this.requested = settings;
    const data = await this.dataOf(settings.data);
    await this.endRun();
    this.run = this.makeRun(settings, data, moves);
    this.options.report(this.run.describe());
    await this.run.start();
    if (!this.lost) this.run.reportState();
    if (!warm) return;
    await this.run.warmUp().catch((error: unknown) => {
      if (!(error instanceof GpuLostError) && !this.lost) throw error;
    });
    this.options.report({ kind: "prepared" });
  }

  private makeRun(settings: Settings, data: Splits, planned: readonly ThresholdMove[], from?: Run): Run {
    const { report } = this.options;
    return new Run({
      gpu: this.gpu!,
      settings,
      data,
      watch: this.watch,
      tempo: this.tempo,
      planned,
      alive: () => !this.lost && !this.closed,
      report,
      problem: (what, error) => this.reportProblem(what, error),
      ...(from ? { from } : {}),
    });
  }

  private async endRun(): Promise<void> {
    const { run } = this;
    this.run = null;
    await run?.stop();
    run?.dispose();
    this.gpu?.pool.trim();
  }

  private async dataOf(source: Settings["data"]): Promise<Splits> {
    const known = this.data.get(source);
    if (known) return known;
    if (source === "files") throw new Error("there are no files yet: drop IDX files or a folder of images on the page");
    const loaded = await (this.options.load ?? loadShipped)(this.assets, source);
    this.data.set(source, loaded);
    return loaded;
  }

  private resume(): void {
    const run = this.current();
    if (!run.turns.finished) run.play();
    run.reportState();
  }

  /** Report the state now, and again with the exact step once all lanes have paused. */
  private pause(): void {
    const run = this.current();
    run.turns.pause();
    run.reportState();
  }

  private step(steps: number): void {
    if (!Number.isInteger(steps) || steps < 1) throw new RangeError(`steps: expected an integer >= 1, got ${steps}`);
    this.current().turns.allow(steps);
  }

  private setWatch({ pictures, timeline, spikes, tests = false }: Of<"watch">): void {
    const started = { pictures: pictures && !this.watch.pictures, spikes: spikes && !this.watch.spikes };
    Object.assign(this.watch, { pictures, timeline, spikes, tests });
    for (const lane of this.run?.lanes ?? []) {
      if (started.pictures) this.runUnqueued("picture", () => lane.between(() => lane.picture()));
      if (started.spikes) this.runUnqueued("spikes", () => lane.between(() => lane.spikes()));
    }
  }

  private async loadFiles(files: readonly DroppedFile[]): Promise<void> {
    const { datasetOf } = await import("./file_data.ts");
    const data = await datasetOf(files);
    this.data.set("files", data);
    const { train, test } = data;
    const { name, classes } = train;
    this.options.report({ kind: "data-ready", name, train: train.length, test: test.length, classes });
  }

  private async classify({ id, pixels, size }: Of<"classify">): Promise<void> {
    const { lanes, data } = this.current();
    const { shape, mean, std } = data.train;
    const [channels, side] = shape;
    // An image of the input size is used unchanged.
    const grey = size === side && pixels.length === side * side ? pixels : fitInk(pixels, size, side);
    const x = new Float32Array(channels * side * side);
    for (let c = 0; c < channels; c++) {
      const [m, s] = [mean[c]!, std[c]!];
      grey.forEach((v: number, i: number) => {
        x[c * side * side + i] = (v / 255 - m) / s;
      });
    }
    const results = await Promise.all(
      lanes.map(async (lane) => ({
        method: lane.method,
        probabilities: await lane.between(() => lane.classify(x)),
      })),
    );
    this.options.report({ kind: "classified", id, lanes: results });
  }

  private sample(id: number): void {
    const { images, labels, length, shape, classes } = this.current().data.test;
    const [channels, side] = shape;
    const at = Math.floor(Math.random() * length);
    const begin = at * channels * side * side;
    const pixels = images.slice(begin, begin + side * side);
    const label = classes[labels[at]!] ?? "";
    this.options.report({ kind: "sample", id, pixels, size: side, label }, [pixels.buffer as ArrayBuffer]);
  }

  private async export({ lane, what }: Of<"export">): Promise<void> {
    const { lanes, settings, data } = this.current();
    const chosen = lanes[lane];
    if (!chosen) throw new RangeError(`there is no network ${lane + 1}`);
    // Training does not wait for the code.
    const { exportModel, prepareExport } = await modelFiles();
    await prepareExport(what);
    const { name, bytes } = await chosen.between(() => {
      const { step, testAccuracy, session } = chosen;
      return exportModel(session, what, { settings, step, data: data.train, accuracy: testAccuracy });
    });
    this.options.report({ kind: "exported", name, bytes }, [bytes.buffer as ArrayBuffer]);
  }

  /** Measure a network while no lane trains. */
  private async speed({ lane }: Of<"speed">): Promise<void> {
    const run = this.current();
    const chosen = run.lanes[lane];
    if (!chosen) throw new RangeError(`there is no network ${lane + 1}`);
    const { measureSession } = await import("./speed.ts");
    const wasRunning = run.turns.running && !run.turns.finished;
    if (wasRunning) this.pause();
    try {
      // The other network finishes its step first.
      const others = run.lanes.filter((one) => one !== chosen);
      await Promise.all(others.map((one) => one.between(async () => {})));
      const facts = await chosen.between(() => measureSession(chosen.session, run.settings));
      this.options.report({ kind: "speed", lane, facts });
    } finally {
      if (wasRunning && this.run === run && !this.lost) this.resume();
    }
  }

  private async import({ name, bytes }: Of<"import">): Promise<void> {
    const { lanes, snapshots, turns } = this.current();
    const [lane] = lanes as [(typeof lanes)[number]];
    const { session } = lane;
    const { importModel } = await modelFiles();
    const result = await lane.between(async () => {
      await importModel(session, new Uint8Array(bytes), name, lane.step);
      const { accuracy } = await session.evaluate();
      const layers = await session.layers();
      const zeros = layers.reduce((n, layer) => n + layer.zeros, 0);
      return { accuracy, sparsity: zeros / layers.reduce((n, layer) => n + layer.weights, 0) };
    });
    this.options.report({ kind: "imported", name, ...result });
    await lane.between(() => lane.picture());
    // Save the import against a lost device: now if paused, else at the next step.
    if (!turns.running) await Promise.all(lanes.map((one) => one.between(() => one.snapshot())));
    snapshots.requestNext();
  }

  /** End the run and destroy the device. */
  async close(): Promise<void> {
    this.closed = true;
    await this.queue;
    await this.endRun();
    this.gpu?.destroy();
    this.gpu = null;
  }
}
