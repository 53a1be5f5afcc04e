// Writes the directory of a run while it trains: configuration, metrics, checkpoints, the trail and TensorBoard's files.
import {
  type AdapterReport,
  CheckpointShelf,
  type EpochRecord,
  isArrays,
  isBetter,
  type RunPosition,
  type RunRecord,
  readProgress,
  type Score,
  type Session,
  type SpikeFigure,
  type StateDict,
  Trail,
  valueOfScore,
} from "../internal.ts";
import { adapterName } from "../node/adapter.ts";
import { type RunDirectory, runEnvironment } from "../node_internal.ts";
import type { DataFingerprint } from "../recipe/data_fingerprint.ts";
import { SCHEMA_FILE, schemaText } from "../recipe/json_schema.ts";
import { type Recipe, recipeToYaml } from "../recipe/recipe.ts";
import type { Splits } from "../recipe/splits.ts";
import { sampleStrip } from "../report/sample_strip.ts";
import type { Output } from "../terminal/output.ts";
import { plural } from "../text/index.ts";
import { RunBoard } from "./board.ts";
import { commandLine, type RunResult } from "./card.ts";
import type { RunFolder } from "./folder.ts";
import { commandsOf, type HistoryEntry, historyLines, historyOf, lastAdapter, withEntry } from "./history.ts";
import { modelMetadata } from "./model_file.ts";
import { makeIfInstalled } from "./optional_part.ts";
import { INFO, METRICS, RESULT, writeResults } from "./results.ts";
import { hostState, isAtEnd, type ResumePlan } from "./resume.ts";
import { type Row, rowsAt } from "./rows.ts";

interface RunSources {
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
  private bestSaved: number | null = null;

  constructor(recipe: Recipe, out: Output, sources: RunSources) {
    this.recipe = recipe;
    this.out = out;
    this.sources = sources;
    this.directory = sources.folder.directory;
    this.shelf = new CheckpointShelf(this.directory, recipe.checkpoint.keep);
    this.board = new RunBoard(this.directory, (problem) => this.note(problem));
  }

  /** Return versions, adapter, command and settings, as run.json holds them. */
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

  /** Print a problem, and emit it as a record. */
  private note(problem: string): void {
    this.out.say(problem);
    this.out.emit({ kind: "note", problem });
  }

  /** Begin a run. Fails at once if its folder cannot be written. */
  async create(adapter: AdapterReport): Promise<void> {
    this.sources.folder.begin();
    await this.writeConfig();
    this.info = this.runInfo(adapter);
    await this.directory.write(INFO, `${JSON.stringify(this.info, null, 2)}\n`);
    // An earlier attempt, which reached no checkpoint, may have left rows, a trail and event files.
    this.rows = [];
    await this.writeRows();
    await Trail.clear(this.directory);
    await this.board.restore({ files: {}, mark: null });
    await this.board.begin();
    const { train } = this.sources.data;
    const strip = isArrays(train) ? null : await makeIfInstalled(this.out, () => sampleStrip(train));
    if (strip) this.board.picture("data/train", strip, 0);
  }

  /** Read the files of a stopped run, to continue it. */
  async reopen(): Promise<void> {
    const { rows, damaged } = this.directory.readLog(METRICS);
    this.rows = rows;
    if (damaged.length > 0) {
      const which = `${damaged.slice(0, 5).join(", ")}${damaged.length > 5 ? ", ..." : ""}`;
      const lines = damaged.length === 1 ? `line ${which} is` : `lines ${which} are`;
      this.note(`${this.directory.path(METRICS)}: ${lines} corrupt and left out; ${plural(rows.length, "row")} kept`);
    }
    // Without run.json the card is shorter.
    this.info = this.directory.readObject(INFO, (problem) => this.note(`${problem}; its content is lost`)) ?? {};
  }

  /** Load the checkpoint of a plan, drop the records after it, and record that the run continues, with which settings. */
  async restore(session: Session, plan: ResumePlan, adapter: AdapterReport): Promise<void> {
    const { directory } = this;
    session.load(await directory.readTensors(plan.path), directory.path(plan.path));
    const { step, epoch } = session.position;
    const { elapsed = null, scheduled = true, board, damaged } = hostState(plan.progress.host);
    this.bestSaved = session.bestScore;
    this.damagedBefore = damaged ?? [];
    this.rows = rowsAt(this.rows, { step, epoch, path: plan.path, elapsed, scheduled });
    this.seconds = elapsed ?? Math.max(0, ...this.rows.map((row) => (row["elapsed"] as number | undefined) ?? 0));
    await this.writeRows();
    await this.recordResume(step, plan, adapterName(adapter));
    if (board) await this.board.restore(board);
    await this.board.begin(step + 1);
  }

  private writeRows(): Promise<void> {
    return this.directory.write(METRICS, this.rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  }

  /** Record that the run continues at a step: its settings from there on, and what changed. */
  private async recordResume(step: number, plan: ResumePlan, adapter: string): Promise<void> {
    const history = historyOf(this.info);
    const before = lastAdapter(this.info, history);
    const other = before !== null && before !== adapter;
    if (other)
      this.note(`from step ${step} on: adapter ${adapter}, before ${before}: numbers may differ in their last bits`);
    const entry = { step, at: new Date().toISOString(), command: commandLine(this.sources.command) };
    this.history = withEntry(history, { ...entry, adapter: other ? adapter : undefined }, plan.changes);
    // The result belongs to the shorter run.
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

  /** Return score, accuracy and sparsity at the end of the epochs before fine-tuning; undefined without fine-tuning. */
  beforeFinetune(score: Score): RunResult["beforeFinetune"] {
    const { epochs, finetuneEpochs } = this.recipe;
    if (finetuneEpochs === 0) return undefined;
    const row = this.rows.findLast((r) => r["kind"] === "epoch" && r["epoch"] === epochs);
    const number = (value: unknown) => (typeof value === "number" ? value : Number.NaN);
    const [accuracy, sparsity, loss] = ["testAccuracy", "sparsity", "testLoss"].map((key) => number(row?.[key]));
    const metrics = row?.["metrics"] as Record<string, number> | undefined;
    const value = valueOfScore(score, { accuracy: accuracy!, loss: loss!, metrics });
    return Number.isFinite(value) ? { accuracy: accuracy!, sparsity: sparsity!, score: value } : undefined;
  }

  /** Names of corrupt images that were skipped, before and after a resume. */
  damagedImages(): readonly string[] {
    return [...new Set([...this.damagedBefore, ...this.sources.data.damaged])];
  }

  /** Changes of the settings during the run, one per line. */
  changes(): string[] {
    return historyLines(this.history);
  }

  /** Return the path of the newest readable checkpoint, or null. */
  async lastGood(): Promise<string | null> {
    const { whole } = await this.shelf.newestReadable((file, path) => readProgress(file, path));
    return whole && this.directory.path(whole.path);
  }

  secondsSoFar(): number {
    return this.seconds;
  }

  record(record: RunRecord): void {
    this.addRow({ ...record });
    this.sources.folder.hasRecords();
    this.board.record(record);
  }

  private addRow(row: Row): void {
    this.rows.push(row);
    this.directory.append(METRICS, JSON.stringify(row));
    this.out.emit(row);
  }

  /** Save a checkpoint. `scheduled`: true if a run that is not stopped saves here too. */
  async checkpoint(session: Session, position: RunPosition, elapsed: number, scheduled: boolean): Promise<void> {
    const path = await this.save(session, position, elapsed, scheduled);
    const row = { kind: "checkpoint", step: position.step, path, elapsed };
    this.addRow(scheduled ? row : { ...row, stopped: true });
  }

  /** Save a checkpoint that the next one, of the same step, replaces. A run that is killed in between continues from it. */
  async checkpointUnseen(session: Session, position: RunPosition, elapsed: number): Promise<void> {
    await this.save(session, position, elapsed, false);
  }

  private async save(session: Session, position: RunPosition, elapsed: number, scheduled: boolean): Promise<string> {
    const { bestScore: best, score } = session;
    const isBest = best !== null && isBetter(score, best, this.bestSaved);
    const { fingerprint: data } = this.sources;
    const host = { elapsed, scheduled, data, board: await this.board.state(), damaged: this.damagedImages() };
    const path = await this.shelf.save(position.step, await session.saveParts(position, host), isBest);
    if (isBest) this.bestSaved = best;
    this.sources.folder.hasCheckpoint();
    return path;
  }

  /** Record the weights at the end of an epoch: for TensorBoard, and for the trail if the recipe has one. */
  async epochEnded(session: Session, record: EpochRecord): Promise<void> {
    const weights = await session.recalibrated(() => session.weights());
    this.board.weights(weights, record.step);
    await this.keepOnTrail(session, record, weights);
  }

  private async keepOnTrail(session: Session, record: EpochRecord, weights: StateDict): Promise<void> {
    const { trail } = this.recipe;
    if (trail === "off") return;
    const { epoch, step, testAccuracy, testLoss, rawTestAccuracy: rawAccuracy, sparsity, metrics } = record;
    const value = valueOfScore(session.score, { loss: testLoss, accuracy: testAccuracy, metrics });
    if (!Number.isFinite(value))
      return this.note(`epoch ${epoch}: ${session.score.metric} is no number: not on the trail`);
    const threshold = session.method.thresholdAt(step) ?? (await session.method.readThreshold?.(step)) ?? 0;
    const score = session.score.metric === "accuracy" ? {} : { score: { ...session.score, value } };
    const raw = rawAccuracy === undefined || Number.isNaN(rawAccuracy) ? {} : { rawAccuracy };
    const point = { epoch, step, accuracy: testAccuracy, loss: testLoss, ...raw, sparsity, ...score };
    const onDamaged = (fault: string) => this.note(`${fault}: left out`);
    const metadata = modelMetadata(this.recipe, this.sources.data, session, threshold);
    await new Trail(this.directory, { keep: trail, onDamaged }).add(point, weights, metadata);
  }

  /** Write the models, the figures, the card and the result. Return the lines that list them. */
  finish(session: Session, result: RunResult, spikes: SpikeFigure | null): Promise<string[]> {
    const { recipe, out, directory, board, rows, info, sources } = this;
    const [commands, changes] = [commandsOf(info, this.history), this.changes()];
    const run = { recipe, out, directory, board, rows, info, commands, changes, data: sources.data };
    return writeResults(run, session, result, spikes);
  }
}
