// Writes a run's TensorBoard event files record by record, so that a run that is cut short keeps all earlier records.

import type { EventImage, TensorBoardEvent } from "../export/index.ts";
import type { RunRecord, StateDict } from "../internal.ts";
import type { RunDirectory } from "../node_internal.ts";
import { ArgumentError } from "../text/index.ts";
import { type BoardState, cutEventFiles } from "./board_files.ts";

const FOLDER = "tensorboard";
type Writer = typeof import("../export/index.ts");

/** Seconds since 1970; 0 if the clock is set before that. */
const now = () => Math.max(0, Date.now() / 1000);

/** Read the size and the colours of a PNG. Source: the PNG specification, section 11.2.2. */
function pictureOf(png: Uint8Array): EventImage {
  const header = new DataView(png.buffer, png.byteOffset, png.byteLength);
  const channels = ({ 0: 1, 2: 3, 4: 2, 6: 4 } as const)[header.getUint8(25)];
  if (!channels)
    throw new ArgumentError(`TensorBoard picture: expected a grey or RGB PNG, got PNG type ${header.getUint8(25)}`);
  return { width: header.getUint32(16), height: header.getUint32(20), channels, png };
}

export class RunBoard {
  private readonly directory: RunDirectory;
  private readonly note: (problem: string) => void;
  private writer: Writer | null = null;
  private file = "";
  private complained = false;
  /** The last record and its time, for the speed between two records. */
  private mark: { readonly step: number; readonly time: number } | null = null;

  /** `note` receives the first write failure. A run continues without its event files. */
  constructor(directory: RunDirectory, note: (problem: string) => void = () => {}) {
    this.directory = directory;
    this.note = note;
  }

  private complain(problem: unknown): void {
    if (!this.complained) this.note(`TensorBoard files are incomplete: ${(problem as Error).message}`);
    this.complained = true;
  }

  get folder(): string {
    return this.directory.path(FOLDER);
  }

  /** Return the lengths of the files, for a checkpoint. */
  async state(): Promise<BoardState> {
    const files: Record<string, number> = {};
    for (const name of await this.directory.list(FOLDER)) {
      if (name.includes("tfevents")) files[name] = this.directory.size(`${FOLDER}/${name}`);
    }
    const { mark } = this;
    return { files, mark: mark && { step: mark.step, ago: Math.max(0, now() - mark.time) } };
  }

  /** Truncate the files to their lengths at a checkpoint: later records will be written again. */
  async restore({ files, mark }: BoardState): Promise<void> {
    try {
      await cutEventFiles(this.directory, FOLDER, files);
    } catch (cause) {
      this.complain(cause);
    }
    this.mark = mark && { step: mark.step, time: now() - mark.ago };
  }

  /**
   * Start a file. TensorBoard reads the files of a folder by name, which is by time. `step`: the first step of a resumed run;
   * if earlier files could not be truncated, readers drop their records from this step on.
   */
  async begin(step = 0): Promise<void> {
    // Imported here: most commands do not need it.
    const writer = await import("../export/index.ts");
    try {
      await this.open(writer, step);
      this.writer = writer;
    } catch (cause) {
      this.complain(cause);
    }
  }

  private async open(writer: Writer, step: number): Promise<void> {
    const time = now();
    const name = writer.eventFileName(time);
    const taken = new Set(await this.directory.list(FOLDER));
    let free = name;
    for (let n = 2; taken.has(free); n++) free = `${name}-${n}`;
    this.file = `${FOLDER}/${free}`;
    this.directory.appendBytes(this.file, writer.encodeEvents([{ wallTime: time, step, values: [], start: true }]));
  }

  private add(make: (writer: Writer) => readonly TensorBoardEvent[]): void {
    if (!this.writer) return;
    let bytes: Uint8Array;
    try {
      bytes = this.writer.encodeEvents(make(this.writer), { header: false });
    } catch (cause) {
      this.complain(cause); // A number that the format cannot hold costs itself only.
      return;
    }
    try {
      this.directory.appendBytes(this.file, bytes);
    } catch (cause) {
      this.writer = null; // What follows half an event cannot be read.
      this.complain(cause);
    }
  }

  record(record: RunRecord): void {
    const time = now();
    const { mark } = this;
    this.mark = { step: record.step, time };
    const speed: Record<string, number> = {};
    // Kernels are compiled before the first record, and the model is tested before an epoch record.
    if (record.kind === "step" && mark && time > mark.time && record.step > mark.step)
      speed["speed/steps_per_second"] = (record.step - mark.step) / (time - mark.time);
    this.add((writer) => writer.tensorboardEvents(record, time, speed));
  }

  weights(weights: StateDict, step: number): void {
    this.add((writer) => writer.weightEvents(weights, step, now()));
  }

  picture(tag: string, png: Uint8Array, step: number): void {
    this.add(() => [{ wallTime: now(), step, values: [{ tag, image: pictureOf(png) }] }]);
  }

  /** Write text that TensorBoard shows as Markdown. */
  text(tag: string, text: string, step: number): void {
    this.add(() => [{ wallTime: now(), step, values: [{ tag, text }] }]);
  }
}
