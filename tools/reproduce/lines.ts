// The file of results: one JSON object per line, appended as runs finish and synced to the disk, so that an experiment
// can stop at any time and continue.
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, truncateSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { z } from "zod";
import { writeAtomic } from "../../src/node_internal.ts";
import { UsageError } from "../../src/terminal/fail.ts";

const share = z.number().min(0).max(1);

const resultLine = z.object({
  id: z.string(),
  /** Runs of a calibration find settings and do not count. */
  kind: z.enum(["run", "calibration"]),
  data: z.string(),
  model: z.string(),
  method: z.string(),
  level: share,
  seed: z.int().min(0),
  /** Setting of the method; for a steered calibration, its final threshold; null if the method has no setting. */
  setting: z.number().nullable(),
  settingName: z.string().nullable(),
  /** Test accuracy, and share of zeros among the prunable weights, after the last epoch; null: the run broke down. */
  accuracy: share.nullable(),
  sparsity: share.nullable(),
  loss: z.number().nullable(),
  /** Reason why the run broke down. */
  failed: z.string().optional(),
  /** Share of zeros of each layer. */
  layers: z.record(z.string(), share).optional(),
  seconds: z.number().min(0),
  epochs: z.number(),
  imagesPerClass: z.number(),
  batchSize: z.number(),
  /** Hash of what all runs of the same kind have in common. */
  mark: z.string(),
  adapter: z.string(),
  version: z.string(),
});

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
    throw new UsageError(`${where}: expected JSON. Remove the line, or start over with --fresh`);
  }
  const parsed = resultLine.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new UsageError(
    `${where}: ${issue?.path.join(".") ?? "line"}: ${issue?.message ?? "is wrong"}. Remove the line, or start over with --fresh`,
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
    mkdirSync(dirname(this.path), { recursive: true });
    const file = openSync(this.path, "a");
    try {
      writeSync(file, `${JSON.stringify(line)}\n`);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    this.own.push(line);
  }

  /** Keep only the selected lines. Returns how many were removed. */
  async keep(wanted: (line: ResultLine) => boolean): Promise<number> {
    const kept = this.own.filter(wanted);
    const gone = this.own.length - kept.length;
    if (gone === 0) return 0;
    const text = kept.map((line) => `${JSON.stringify(line)}\n`).join("");
    await writeAtomic(this.path, new TextEncoder().encode(text));
    this.own.splice(0, this.own.length, ...kept);
    return gone;
  }
}
