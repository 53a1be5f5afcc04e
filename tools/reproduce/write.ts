// Writes the files of the experiments: a page and a figure each, beside the lines of the results.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { writeAtomic } from "../../src/node_internal.ts";
import { drawingOf } from "./drawings.ts";
import { pageOf } from "./page.ts";
import type { Experiment } from "./plan.ts";
import type { Tries } from "./runs.ts";
import { rowsOf } from "./summary.ts";

export const resultsPath = (folder: string): string => join(folder, "runs.jsonl");

/** Write page and figure of each experiment that has a result. Returns their paths. */
export async function writePages(experiments: readonly Experiment[], tries: Tries, folder: string): Promise<string[]> {
  const utf8 = (content: string) => new TextEncoder().encode(content);
  const written: string[] = [];
  for (const experiment of experiments) {
    const rows = rowsOf(experiment, tries);
    const figure = drawingOf(experiment, rows);
    if (figure === null) continue;
    mkdirSync(folder, { recursive: true });
    const files: [string, Uint8Array][] = [
      [join(folder, `${experiment.name}.md`), utf8(pageOf({ experiment, rows, tries }))],
      [join(folder, `${experiment.name}.svg`), utf8(`${figure.svg}\n`)],
      [join(folder, `${experiment.name}.png`), await figure.png()],
    ];
    for (const [path, bytes] of files) await writeAtomic(path, bytes);
    written.push(...files.map(([path]) => path));
  }
  return written;
}
