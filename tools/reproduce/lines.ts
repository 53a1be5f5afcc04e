// The file of results: one JSON object per line, appended as runs finish and synced to the disk, so that an experiment
// can stop at any time and continue.
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, truncateSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { z } from "zod";
import { UsageError } from "../../src/terminal/fail.ts";

const share = z.number().min(0).max(1);
const shareOrNull = share.nullable();

/** Results of a network at one point of a run. Accuracy is over the whole test set; null: the run broke down. */
const point = {
  accuracy: shareOrNull,
  /** The same after the statistics of batch norm were estimated again; null for a network without batch norm. */
  recalibrated: shareOrNull,
  /** Share of zeros among the prunable weights. */
  sparsity: shareOrNull,
};

const resultLine = z.object({
  /** Hash of all settings but the knob's: lines of one family differ in their knob only. */
  family: z.string(),
  /** Cell that the run was made for. Cells with the same settings use it too. */
  cell: z.string(),
  level: share,
  seed: z.int().min(0),
  /** Setting of the method's knob; null for a method without one. */
  setting: z.number().nullable(),
  ...point,
  loss: z.number().nullable(),
  /** Multiply-adds of a sample (of a spiking network: of one time step), dense and with zeros skipped. */
  macs: z.number().nullable(),
  sparseMacs: z.number().nullable(),
  /** Reason why the run broke down. */
  failed: z.string().optional(),
  /** Share of zeros of each layer. */
  layers: z.record(z.string(), share).optional(),
  /** Threshold after the last step. */
  threshold: z.number().nullable().optional(),
  /** Records of the run: epoch, L1 coefficient tau / eta, coefficient with momentum and decay, threshold, share of zeros. */
  trace: z.array(z.tuple([z.number(), z.number(), z.number(), z.number(), z.number()])).optional(),
  /** Operations of a sample, counted by running the network. */
  activity: z
    .object({ macs: z.number(), synOps: z.number(), energy: z.number(), rate: z.number().nullable() })
    .optional(),
  /** Tests after each epoch. */
  epochs: z.array(z.object({ epoch: z.number(), ...point })).optional(),
  seconds: z.number().min(0),
  recipe: z.record(z.string(), z.unknown()),
  adapter: z.string(),
  version: z.string(),
});

/** Results of one run. */
export type ResultLine = z.infer<typeof resultLine>;

/** Parse the lines of a text. An incomplete last line is dropped; `whole` is the length of the complete lines. */
export function parseLines(text: string, file: string): { lines: ResultLine[]; whole: number } {
  const end = text.lastIndexOf("\n") + 1;
  const lines = text
    .slice(0, end)
    .split("\n")
    .flatMap((line, i) => (line.trim() === "" ? [] : [parseLine(line, `${file}:${i + 1}`)]));
  return { lines, whole: Buffer.byteLength(text.slice(0, end)) };
}

function parseLine(line: string, where: string): ResultLine {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new UsageError(`${where}: expected JSON. Remove the line: its run is repeated`);
  }
  const parsed = resultLine.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new UsageError(
    `${where}: ${issue?.path.join(".") ?? "line"}: ${issue?.message ?? "is wrong"}. Remove the line: its run is repeated`,
  );
}

/** Results of a folder: those on the disk, and those of this process. */
export class ResultFile {
  readonly path: string;
  private readonly own: ResultLine[];

  /** Read the file. Errors: UsageError naming the line that is no result. */
  constructor(path: string) {
    this.path = path;
    const text = existsSync(path) ? readFileSync(path, "utf8") : "";
    const { lines, whole } = parseLines(text, path);
    this.own = lines;
    // The rest of an interrupted line would merge with the next line.
    if (whole < Buffer.byteLength(text)) truncateSync(path, whole);
  }

  get lines(): readonly ResultLine[] {
    return this.own;
  }

  /** Append a line. When this returns, the line is on the disk. */
  append(line: ResultLine): void {
    this.appendAll([line]);
  }

  /**
   * Add the runs of another file, such as that of a second machine. A run that this file has is left out: one of the same family with
   * the same setting. The other file may still grow. Returns the number of added lines. Errors: UsageError naming the file.
   */
  merge(path: string): { readonly added: number; readonly of: number } {
    if (!existsSync(path)) throw new UsageError(`${path}: no such file`);
    const { lines } = parseLines(readFileSync(path, "utf8"), path);
    const keyOf = ({ family, setting }: ResultLine) => `${family} ${setting}`;
    const known = new Set(this.own.map(keyOf));
    const added = lines.filter((line) => {
      const key = keyOf(line);
      return !known.has(key) && known.add(key);
    });
    this.appendAll(added);
    return { added: added.length, of: lines.length };
  }

  private appendAll(lines: readonly ResultLine[]): void {
    if (lines.length === 0) return;
    mkdirSync(dirname(this.path), { recursive: true });
    const file = openSync(this.path, "a");
    try {
      writeSync(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    this.own.push(...lines);
  }
}
