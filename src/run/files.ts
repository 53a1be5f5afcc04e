// What a run leaves in its directory: configuration, metrics, checkpoints, models, the plot, and what other programs read.
import {
  type AdapterReport,
  CheckpointShelf,
  type EpochRecord,
  OpError,
  type Position,
  type RunRecord,
  readProgress,
  type Session,
  type SpikeFigure,
  type StateDict,
  safetensorsParts,
  Trail,
  writeSparseModel,
} from "../index.ts";
import { adapterName } from "../node/adapter.ts";
import { type RunDirectory, runEnvironment } from "../node.ts";
import type { DataFingerprint } from "../recipe/data_fingerprint.ts";
import type { Splits } from "../recipe/datasets.ts";
import { imageMetadata } from "../recipe/image_metadata.ts";
import { SCHEMA_FILE, schemaText } from "../recipe/json_schema.ts";
import { type Recipe, recipeToYaml } from "../recipe/recipe.ts";
import { forEncoder, isSpiking, neuronMetadata } from "../recipe/spiking.ts";
import { sampleStrip } from "../report/sample_strip.ts";
import type { Output } from "../terminal/output.ts";
import { RunBoard } from "./board.ts";
import { cardFacts, commandLine, type RunResult } from "./card.ts";
import type { RunFolder } from "./folder.ts";
import { commandsOf, type HistoryEntry, historyLines, historyOf, lastAdapter, withEntry } from "./history.ts";
import { hostState, isAtEnd, type ResumePlan } from "./resume.ts";
import { type Row, rowsAt } from "./rows.ts";

const METRICS = "metrics.jsonl";
const INFO = "run.json";
const RESULT = "result.json";
const ONNX = "model.onnx";

export interface RunSources {
  readonly folder: RunFolder;
  readonly data: Splits;
  readonly fingerprint: DataFingerprint;
  /** Words of the command line. */
  readonly command: readonly string[];
}

export class RunFiles {
  private readonly recipe: Recipe;
  private readonly out: Output;
  private readonly directory: RunDirectory;
  private readonly shelf: CheckpointShelf;
  private readonly board: RunBoard;
  private readonly sources: RunSources;
  private info: Record<string, unknown> = {};
  private rows: Row[] = [];
  private history: readonly HistoryEntry[] = [];
  private damagedBefore: readonly string[] = [];
  private seconds = 0;
  private bestSaved = 0;
  private hasSpikes = false;
  private onnxProblem: string | null = null;

  constructor(recipe: Recipe, out: Output, sources: RunSources) {
    this.recipe = recipe;
    this.out = out;
    this.sources = sources;
    this.directory = sources.folder.directory;
    this.shelf = new CheckpointShelf(this.directory, recipe.checkpoint.keep);
    this.board = new RunBoard(this.directory, (problem) => this.note(problem));
  }

  /** Who ran what: saved beside the metrics. */
  runInfo(adapter: AdapterReport): Record<string, unknown> {
    return {
      ...runEnvironment(),
      adapter: adapterName(adapter),
      software: adapter.software,
      command: commandLine(this.sources.command),
      seed: this.recipe.seed,
      config: this.recipe,
    };
  }

  /** A line that must be seen, by people and by programs. */
  private note(problem: string): void {
    this.out.say(problem);
    this.out.emit({ kind: "note", problem });
  }

  /** Begins a run. Fails at once when its folder cannot be written. */
  async create(adapter: AdapterReport): Promise<void> {
    this.sources.folder.begin();
    await this.writeConfig();
    this.info = this.runInfo(adapter);
    await this.directory.write(INFO, `${JSON.stringify(this.info, null, 2)}\n`);
    await this.directory.write(METRICS, "");
    // Of an attempt that came to no checkpoint.
    this.rows = [];
    await Trail.clear(this.directory);
    await this.board.restore({ files: {}, mark: null });
    await this.board.begin();
    const strip = await sampleStrip(this.sources.data.train);
    if (strip) this.board.picture("data/train", strip, 0);
  }

  /** Reads what a run left, to go on with it. */
  async reopen(): Promise<void> {
    const { rows, damaged } = this.directory.readLog(METRICS);
    this.rows = rows;
    if (damaged.length > 0) {
      const which = `${damaged.length === 1 ? "line" : "lines"} ${damaged.slice(0, 5).join(", ")}${damaged.length > 5 ? ", ..." : ""}`;
      this.note(`${this.directory.path(METRICS)}: ${which} damaged and left out; ${rows.length} rows are whole`);
    }
    // Without it the card says less.
    this.info = this.directory.readObject(INFO, (problem) => this.note(`${problem}; what it held is lost`)) ?? {};
  }

  /** Loads the checkpoint of a plan, takes back what came after it, and writes down that the run goes on, and as what. */
  async restore(session: Session, plan: ResumePlan, adapter: AdapterReport): Promise<void> {
    const { directory } = this;
    session.load(await directory.readTensors(plan.path), directory.path(plan.path));
    const { step, epoch } = session.position;
    const { elapsed = null, scheduled = true, board, damaged } = hostState(plan.progress.host);
    this.bestSaved = session.bestAccuracy;
    this.damagedBefore = damaged ?? [];
    this.rows = rowsAt(this.rows, { step, epoch, path: plan.path, elapsed, scheduled });
    this.seconds = elapsed ?? Math.max(0, ...this.rows.map((row) => (row["elapsed"] as number | undefined) ?? 0));
    await directory.write(METRICS, this.rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
    await this.goOn(step, plan, adapterName(adapter));
    if (board) await this.board.restore(board);
    await this.board.begin(step + 1);
  }

  /** Writes down that the run goes on from a step: the settings from there on, and what is different. */
  private async goOn(step: number, plan: ResumePlan, adapter: string): Promise<void> {
    const history = historyOf(this.info);
    const before = lastAdapter(this.info, history);
    const other = before !== null && before !== adapter;
    if (other)
      this.note(`from step ${step} on: adapter ${adapter}, before ${before}: the last bits of numbers may be others`);
    const entry = { step, at: new Date().toISOString(), command: commandLine(this.sources.command) };
    this.history = withEntry(history, { ...entry, ...(other ? { adapter } : {}) }, plan.changes);
    // A result is that of a run that was over.
    if (!isAtEnd(plan)) for (const name of [RESULT, "README.md"]) await this.directory.remove(name);
    this.info = { ...this.info, config: this.recipe, history: this.history };
    await this.writeConfig();
    await this.directory.write(INFO, `${JSON.stringify(this.info, null, 2)}\n`);
  }

  /** Write the recipe as YAML, after comments about changes of the run, and the schema for editors. */
  private async writeConfig(): Promise<void> {
    const lines = historyLines(this.history).map((line) => `# ${line.replaceAll(/\s+/g, " ")}\n`);
    await this.directory.write("config.yaml", lines.join("") + recipeToYaml(this.recipe));
    await this.directory.write(SCHEMA_FILE, schemaText());
  }

  /** Accuracy and sparsity at the end of the epochs before fine-tuning; undefined where there is none. */
  beforeFinetune(): { readonly accuracy: number; readonly sparsity: number } | undefined {
    const { epochs, finetuneEpochs } = this.recipe;
    if (finetuneEpochs === 0) return undefined;
    const row = this.rows.findLast((r) => r["kind"] === "epoch" && r["epoch"] === epochs);
    const [accuracy, sparsity] = [row?.["testAccuracy"], row?.["sparsity"]];
    return typeof accuracy === "number" && typeof sparsity === "number" ? { accuracy, sparsity } : undefined;
  }

  /** Damaged images that were passed over, those before a resume too. */
  damagedImages(): readonly string[] {
    return [...new Set([...this.damagedBefore, ...this.sources.data.damaged])];
  }

  /** What was changed while the run ran, a line each. */
  changes(): string[] {
    return historyLines(this.history);
  }

  /** Path of the newest whole checkpoint, or null. */
  async lastGood(): Promise<string | null> {
    const { whole } = await this.shelf.newestReadable((file, path) => readProgress(file, path));
    return whole && this.directory.path(whole.path);
  }

  secondsSoFar(): number {
    return this.seconds;
  }

  record(record: RunRecord): void {
    const row = { ...record };
    this.rows.push(row);
    this.directory.append(METRICS, JSON.stringify(row));
    this.sources.folder.hasRecords();
    this.board.record(record);
    this.out.emit(row);
  }

  /** Saves. `scheduled`: whether a run that is not stopped would have saved here too. */
  async checkpoint(session: Session, position: Position, elapsed: number, scheduled: boolean): Promise<void> {
    const path = await this.save(session, position, elapsed, scheduled);
    const row = { kind: "checkpoint", step: position.step, path, elapsed, ...(scheduled ? {} : { stopped: true }) };
    this.rows.push(row);
    this.directory.append(METRICS, JSON.stringify(row));
    this.out.emit(row);
  }

  /** Saves what the next checkpoint, of the same step, takes the place of: a run that is killed before it goes on from here. */
  async checkpointUnseen(session: Session, position: Position, elapsed: number): Promise<void> {
    await this.save(session, position, elapsed, false);
  }

  private async save(session: Session, position: Position, elapsed: number, scheduled: boolean): Promise<string> {
    const isBest = session.bestAccuracy > this.bestSaved;
    const { fingerprint: data } = this.sources;
    const host = { elapsed, scheduled, data, board: await this.board.state(), damaged: this.damagedImages() };
    const path = await this.shelf.save(position.step, await session.saveParts(position, host), isBest);
    if (isBest) this.bestSaved = session.bestAccuracy;
    this.sources.folder.hasCheckpoint();
    return path;
  }

  /** Looks at the weights at the end of an epoch: for TensorBoard, and for the trail when the recipe wants one. */
  async epochEnded(session: Session, record: EpochRecord): Promise<void> {
    const weights = await session.weights();
    this.board.weights(weights, record.step);
    await this.keepOnTrail(session, record, weights);
  }

  private async keepOnTrail(session: Session, record: EpochRecord, weights: StateDict): Promise<void> {
    const { trail } = this.recipe;
    if (trail === "off") return;
    const { epoch, step, testAccuracy, testLoss, sparsity } = record;
    const threshold = session.method.thresholdAt(step) ?? (await session.method.readThreshold?.(step)) ?? 0;
    const point = { epoch, step, accuracy: testAccuracy, loss: testLoss, sparsity };
    const onDamaged = (fault: string) => this.note(`${fault}: left out`);
    await new Trail(this.directory, { keep: trail, onDamaged }).add(point, weights, this.about(session, threshold));
  }

  /** What a model file says of itself. */
  private about(session: Session, threshold: unknown): Record<string, string> {
    const { model, seed, data } = this.recipe;
    const { classes } = this.sources.data.train;
    return {
      model: model.name,
      data: data.name,
      ...neuronMetadata(this.recipe),
      ...imageMetadata(this.recipe, session.sample[1]!),
      input: session.sample.join("x"),
      classes: String(session.classes),
      classNames: JSON.stringify(classes),
      normalise: JSON.stringify(this.normalise()),
      seed: String(seed),
      method: session.method.name,
      threshold: String(threshold),
      holds: "effective weights: the soft threshold has been applied",
    };
  }

  /** What the network sees: (byte / 255 - mean) / std, by channel. An encoder wants images in 0..1. */
  private normalise(): { mean: readonly number[]; std: readonly number[] } {
    const { mean, std } = forEncoder(this.sources.data.train, this.recipe.model.encoder);
    return { mean, std };
  }

  /** Writes the models, the plots, the result and the card. `spikes`: the figure of a spiking network. */
  async finish(session: Session, result: RunResult, spikes: SpikeFigure | null): Promise<void> {
    const weights = await session.weights();
    const { model, data } = this.recipe;
    const metadata = {
      ...this.about(session, result.threshold),
      accuracy: String(result.accuracy),
      sparsity: String(result.sparsity),
    };
    await this.directory.write("model.safetensors", safetensorsParts(weights, metadata));
    await this.directory.write("model.sparse.safetensors", writeSparseModel(weights, metadata));
    await this.writeOnnx(session, weights, metadata);
    // Loaded when needed: the chart libraries take longer than everything else at start-up.
    const { renderRunPlot } = await import("../report/plot.ts");
    const plot = renderRunPlot(this.rows, { title: `${model.name} on ${data.name}, ${session.method.name}` });
    await this.directory.write("plot.svg", plot.svg);
    const png = plot.png();
    await this.directory.write("plot.png", png);
    this.board.picture("plot", png, result.steps);
    if (spikes) {
      const { renderSpikePlot } = await import("../report/spike_plot.ts");
      const figure = renderSpikePlot(spikes, { title: `${model.name} on ${data.name}` });
      await this.directory.write("spikes.svg", figure.svg);
      await this.directory.write("spikes.png", figure.png());
      this.hasSpikes = true;
    }
    await this.writeCard(result);
    // Last: a run that has it is over.
    await this.directory.write(RESULT, `${JSON.stringify(result, null, 2)}\n`);
  }

  /** A model that ONNX has no words for does not spoil a run: what is wrong is said in a line. */
  private async writeOnnx(session: Session, weights: StateDict, metadata: Record<string, string>): Promise<void> {
    const { exportOnnx } = await import("../export/index.ts");
    try {
      const bytes = exportOnnx(session.model, {
        input: session.sample,
        weights,
        name: this.recipe.model.name,
        metadata,
      });
      await this.directory.write(ONNX, bytes);
    } catch (error) {
      if (!(error instanceof OpError)) throw error;
      this.onnxProblem = error.message;
      this.out.emit({ kind: "note", file: ONNX, problem: error.message });
    }
  }

  private async writeCard(result: RunResult): Promise<void> {
    const { recipe, info, sources } = this;
    const { modelCard } = await import("../export/index.ts");
    const spiking = isSpiking(recipe.model.name);
    const commands = commandsOf(info, this.history);
    const changes = this.changes();
    const files = [
      {
        name: "model.safetensors",
        holds: "effective weights, zeros included, under the names of PyTorch's state_dict",
      },
      { name: "model.sparse.safetensors", holds: "the same as bitmasks and the values that are not zero" },
      ...(this.onnxProblem === null
        ? [
            {
              name: ONNX,
              holds: `the network with its weights as ONNX${spiking ? ": one time step" : ", for any batch"}`,
            },
          ]
        : []),
      { name: "checkpoints", holds: "the latest and the best state of training, to go on from" },
      ...(recipe.trail === "off" ? [] : [{ name: "trail", holds: "sparse models of epochs" }]),
      { name: "tensorboard", holds: "event files: curves, histograms of weights, pictures" },
      { name: METRICS, holds: "every record of the run, a JSON object a line" },
      { name: RESULT, holds: "what the run came to, layer by layer" },
      { name: "config.yaml", holds: "the recipe, with comments" },
      { name: INFO, holds: "versions, adapter, command" },
    ];
    const card = modelCard(
      cardFacts({ recipe, result, data: sources.data, normalise: this.normalise(), commands, changes, info, files }),
    );
    await this.directory.write("README.md", card);
    this.board.text("card", card, result.steps);
  }

  resultLines(): string[] {
    const at = (name: string) => this.directory.path(name);
    return [
      "",
      `plot           ${at("plot.svg")}  (and .png)`,
      ...(this.hasSpikes ? [`spikes         ${at("spikes.svg")}  (and .png)`] : []),
      `sparse model   ${at("model.sparse.safetensors")}`,
      `dense layout   ${at("model.safetensors")}  (PyTorch names)`,
      this.onnxProblem === null ? `ONNX           ${at(ONNX)}` : `ONNX           not written: ${this.onnxProblem}`,
      `model card     ${at("README.md")}`,
      `metrics        ${at(METRICS)}`,
      `TensorBoard    tensorboard --logdir ${this.board.folder}`,
    ];
  }
}
