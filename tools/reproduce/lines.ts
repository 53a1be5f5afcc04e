// The file of results: one JSON object a line, appended as runs finish and synced to the disk, so that an experiment
// can stop at any time and go on.
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, truncateSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { z } from "zod";
import { writeAtomic } from "../../src/node.ts";
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
  /** What the method was told; of a calibration that steered, the threshold it ended at; null where nothing is told. */
  setting: z.number().nullable(),
  settingName: z.string().nullable(),
  /** On the test set, and share of zeros among the weights that may be pruned, after the last epoch; null: broke down. */
  accuracy: share.nullable(),
  sparsity: share.nullable(),
  loss: z.number().nullable(),
  /** Why a run broke down. */
  failed: z.string().optional(),
  /** Share of zeros of each layer. */
  layers: z.record(z.string(), share).optional(),
  seconds: z.number().min(0),
  epochs: z.number(),
  imagesPerClass: z.number(),
  batchSize: z.number(),
  /** Mark of what all runs of its kind have in common. */
  mark: z.string(),
  adapter: z.string(),
  version: z.string(),
});

export type ResultLine = z.infer<typeof resultLine>;

/** Lines of a text. A last line that was torn is left out; `whole` says how much of the text is lines. */
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
    throw new UsageError(`${where}: is no JSON. Take the line out, or begin anew with --fresh`);
  }
  const parsed = resultLine.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new UsageError(
    `${where}: ${issue?.path.join(".") ?? "line"}: ${issue?.message ?? "is wrong"}. Take the line out, or begin anew with --fresh`,
  );
}

/** The results of a folder: those on the disk, and those of this process. */
export class ResultFile {
  readonly path: string;
  private readonly own: ResultLine[];

  /** Reads what is there. Errors: UsageError naming the line that is no result. */
  constructor(path: string) {
    this.path = path;
    const text = existsSync(path) ? readFileSync(path, "utf8") : "";
    const { lines, whole } = parseLines(text, path);
    this.own = lines;
    // What an interrupt tore would run into the next line.
    if (whole < Buffer.byteLength(text)) truncateSync(path, whole);
  }

  get lines(): readonly ResultLine[] {
    return this.own;
  }

  /** Adds a line; when this returns, it is on the disk. */
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

  /** Keeps some of the lines only. Returns how many are gone. */
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
