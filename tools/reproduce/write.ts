// Writes the files of the experiments: a page and a figure each, and a page that lists them, beside the lines of the results.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { writeAtomic } from "../../src/node_internal.ts";
import { drawingOf } from "./drawings.ts";
import { indexPage, type Listed } from "./index_page.ts";
import { pageOf } from "./page.ts";
import { cellsOf, type Experiment } from "./plan.ts";
import { progressOf, type Tries } from "./runs.ts";
import { rowsOf } from "./summary.ts";

export const resultsPath = (folder: string): string => join(folder, "runs.jsonl");

/** Write page and figure of each experiment that has a result, and the list. Returns their paths. */
export async function writePages(experiments: readonly Experiment[], tries: Tries, folder: string): Promise<string[]> {
  const utf8 = (content: string) => new TextEncoder().encode(content);
  const written: string[] = [];
  const listed: Listed[] = [];
  for (const experiment of experiments) {
    const rows = rowsOf(experiment, tries);
    const figure = drawingOf(experiment, rows);
    if (figure === null) continue;
    mkdirSync(folder, { recursive: true });
    const { total, done } = progressOf(cellsOf([experiment]), tries);
    listed.push({ experiment, rows, total, done });
    const files: [string, Uint8Array][] = [
      [join(folder, `${experiment.name}.md`), utf8(pageOf({ experiment, rows, tries }))],
      [join(folder, `${experiment.name}.svg`), utf8(`${figure.svg}\n`)],
      [join(folder, `${experiment.name}.png`), await figure.png()],
    ];
    for (const [path, bytes] of files) await writeAtomic(path, bytes);
    written.push(...files.map(([path]) => path));
  }
  if (listed.length > 0) {
    const path = join(folder, "README.md");
    await writeAtomic(path, utf8(indexPage(listed)));
    written.push(path);
  }
  return written;
}
