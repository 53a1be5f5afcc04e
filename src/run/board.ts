// A run as TensorBoard shows it: event files in the run's folder, added to record by record, so that a run that is cut short
// leaves what it had.

import type { EventImage, TensorBoardEvent } from "../export/index.ts";
import type { RunRecord, StateDict } from "../index.ts";
import type { RunDirectory } from "../node.ts";
import { ArgumentError } from "../text/index.ts";
import { type BoardState, cutEventFiles } from "./board_files.ts";

const FOLDER = "tensorboard";
type Writer = typeof import("../export/index.ts");

/** Seconds since 1970; a clock that is set before that stands still. */
const now = () => Math.max(0, Date.now() / 1000);

/** What a PNG's header says of it. Source: the PNG specification, section 11.2.2. */
function pictureOf(png: Uint8Array): EventImage {
  const header = new DataView(png.buffer, png.byteOffset, png.byteLength);
  const channels = ({ 0: 1, 2: 3, 4: 2, 6: 4 } as const)[header.getUint8(25)];
  if (!channels)
    throw new ArgumentError(`a picture for TensorBoard wants grey or RGB, has PNG type ${header.getUint8(25)}`);
  return { width: header.getUint32(16), height: header.getUint32(20), channels, png };
}

export class RunBoard {
  private readonly directory: RunDirectory;
  private readonly note: (problem: string) => void;
  private writer: Writer | null = null;
  private file = "";
  private complained = false;
  /** The last record, and when it came: for the speed between two. */
  private mark: { readonly step: number; readonly time: number } | null = null;

  /** `note` hears, once, of what cannot be written: a run does not end for want of its pictures. */
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

  /** How far the files are, for a checkpoint. */
  async state(): Promise<BoardState> {
    const files: Record<string, number> = {};
    for (const name of await this.directory.list(FOLDER)) {
      if (name.includes("tfevents")) files[name] = this.directory.size(`${FOLDER}/${name}`);
    }
    const { mark } = this;
    return { files, mark: mark && { step: mark.step, ago: Math.max(0, now() - mark.time) } };
  }

  /** Cuts the files back to what they were at a checkpoint: what came after it will be done again. */
  async restore({ files, mark }: BoardState): Promise<void> {
    try {
      await cutEventFiles(this.directory, FOLDER, files);
    } catch (cause) {
      this.complain(cause);
    }
    this.mark = mark && { step: mark.step, time: now() - mark.ago };
  }

  /**
   * Begins a file. TensorBoard reads the files of a folder by name, which is by time. `step`: where a run goes on; where
   * earlier files could not be cut, readers drop what they hold from there on.
   */
  async begin(step = 0): Promise<void> {
    // Loaded here: most commands have no use for it.
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
    // Before the first record kernels are compiled, and before an epoch's own the model is tested.
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

  /** Text that TensorBoard shows as Markdown. */
  text(tag: string, text: string, step: number): void {
    this.add(() => [{ wallTime: now(), step, values: [{ tag, text }] }]);
  }
}
