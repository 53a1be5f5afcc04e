// What a run leaves in its directory: configuration, metrics, checkpoints, models, and the plot.
import {
  type AdapterReport,
  CheckpointShelf,
  type DenseArray,
  type EpochRecord,
  type ImageDataset,
  type Position,
  type RunRecord,
  type Session,
  type SpikeFigure,
  Trail,
  writeSafetensors,
  writeSparseModel,
} from "../index.ts";
import { RunDirectory, runEnvironment } from "../node/index.ts";
import { adapterName } from "./adapter.ts";
import { UsageError } from "./fail.ts";
import type { Output } from "./json_log.ts";
import type { Recipe } from "./recipe.ts";
import { neuronMetadata } from "./spiking.ts";

const METRICS = "metrics.jsonl";

export class RunFiles {
  private readonly recipe: Recipe;
  private readonly out: Output;
  private readonly directory: RunDirectory;
  private readonly shelf: CheckpointShelf;
  private rows: Record<string, unknown>[] = [];
  private seconds = 0;
  private bestSaved = 0;
  private hasSpikes = false;

  constructor(recipe: Recipe, out: Output) {
    this.recipe = recipe;
    this.out = out;
    this.directory = new RunDirectory(recipe.out);
    this.shelf = new CheckpointShelf(this.directory, recipe.checkpoint.keep);
  }

  /** Who ran what: saved beside the metrics. */
  runInfo(adapter: AdapterReport): Record<string, unknown> {
    return {
      ...runEnvironment(),
      adapter: adapterName(adapter),
      software: adapter.software,
      seed: this.recipe.seed,
      config: this.recipe,
    };
  }

  /** Starts an empty directory. Fails at once when it cannot be written. */
  async create(config: string, adapter: AdapterReport, overwrite: boolean): Promise<void> {
    if (overwrite) {
      for (const name of await this.directory.list("checkpoints")) await this.directory.remove(`checkpoints/${name}`);
      await this.directory.remove(METRICS);
      await Trail.clear(this.directory);
    }
    await this.directory.write("config.yaml", config);
    await this.directory.write("run.json", `${JSON.stringify(this.runInfo(adapter), null, 2)}\n`);
    await this.directory.write(METRICS, "");
  }

  async reopen(): Promise<void> {
    this.rows = this.directory.lines(METRICS);
  }

  /** Loads the latest checkpoint, and drops metrics of steps that will be done again. Returns the file's name. */
  async restore(session: Session): Promise<string> {
    const latest = await this.shelf.latest();
    if (!latest) throw new UsageError(`${this.directory.root}: has no checkpoint to resume from`);
    session.load(latest.bytes, latest.path);
    this.bestSaved = session.bestAccuracy;
    this.rows = this.rows.filter((row) => (row["step"] as number) <= session.position.step);
    this.seconds = Math.max(0, ...this.rows.map((row) => (row["elapsed"] as number | undefined) ?? 0));
    await this.directory.write(METRICS, this.rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
    return latest.path;
  }

  secondsSoFar(): number {
    return this.seconds;
  }

  record(record: RunRecord): void {
    const row = { ...record };
    this.rows.push(row);
    this.directory.append(METRICS, JSON.stringify(row));
    this.out.emit(row);
  }

  async checkpoint(session: Session, position: Position, elapsed: number): Promise<void> {
    const isBest = session.bestAccuracy > this.bestSaved;
    const path = await this.shelf.save(position.step, await session.save(position), isBest);
    if (isBest) this.bestSaved = session.bestAccuracy;
    const row = { kind: "checkpoint", step: position.step, path, elapsed };
    this.rows.push(row);
    this.directory.append(METRICS, JSON.stringify(row));
    this.out.emit(row);
  }

  /** Adds the model of an epoch to the trail, when the recipe wants one. */
  async keepOnTrail(session: Session, { epoch, step, testAccuracy, testLoss, sparsity }: EpochRecord): Promise<void> {
    const { trail } = this.recipe;
    if (trail === "off") return;
    const threshold = session.method.thresholdAt(step) ?? (await session.method.readThreshold?.(step)) ?? 0;
    const point = { epoch, step, accuracy: testAccuracy, loss: testLoss, sparsity };
    await new Trail(this.directory, { keep: trail }).add(
      point,
      await session.weights(),
      this.about(session, threshold),
    );
  }

  /** What a model file says of itself. */
  private about(session: Session, threshold: unknown): Record<string, string> {
    const { model, seed, data } = this.recipe;
    return {
      model: model.name,
      data: data.name,
      ...neuronMetadata(this.recipe),
      input: session.sample.join("x"),
      classes: String(session.classes),
      seed: String(seed),
      method: session.method.name,
      threshold: String(threshold),
      holds: "effective weights: the soft threshold has been applied",
    };
  }

  /** Writes the models, the plots and the result. `spikes`: the figure of a spiking network. */
  async finish(
    session: Session,
    result: Record<string, unknown>,
    data: ImageDataset,
    spikes: SpikeFigure | null,
  ): Promise<void> {
    const state = await session.weights();
    const weights = new Map([...state].map(([name, a]) => [name, { data: a.data, shape: a.shape } as DenseArray]));
    const { model } = this.recipe;
    const metadata = {
      ...this.about(session, result["threshold"]),
      accuracy: String(result["accuracy"]),
      sparsity: String(result["sparsity"]),
    };
    const dense = new Map(
      [...weights].map(([name, a]) => [name, { dtype: "F32" as const, shape: [...a.shape], data: a.data }]),
    );
    await this.directory.write("model.safetensors", writeSafetensors(dense, metadata));
    await this.directory.write("model.sparse.safetensors", writeSparseModel(weights, metadata));
    // Loaded when needed: the chart libraries take longer than everything else at start-up.
    const { renderRunPlot } = await import("./plot.ts");
    const plot = renderRunPlot(this.rows, { title: `${model.name} on ${data.name}, ${session.method.name}` });
    await this.directory.write("plot.svg", plot.svg);
    await this.directory.write("plot.png", plot.png());
    if (spikes) {
      const { renderSpikePlot } = await import("./spike_plot.ts");
      const figure = renderSpikePlot(spikes, { title: `${model.name} on ${data.name}` });
      await this.directory.write("spikes.svg", figure.svg);
      await this.directory.write("spikes.png", figure.png());
      this.hasSpikes = true;
    }
    await this.directory.write("result.json", `${JSON.stringify(result, null, 2)}\n`);
  }

  resultLines(): string[] {
    const at = (name: string) => this.directory.path(name);
    return [
      "",
      `plot           ${at("plot.svg")}  (and .png)`,
      ...(this.hasSpikes ? [`spikes         ${at("spikes.svg")}  (and .png)`] : []),
      `sparse model   ${at("model.sparse.safetensors")}`,
      `dense layout   ${at("model.safetensors")}  (PyTorch names)`,
      `metrics        ${at(METRICS)}`,
    ];
  }
}
