// Writes the files of the experiment: page and figure, beside the lines.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { writeAtomic } from "../../src/node_internal.ts";
import { resultFigure } from "./figure.ts";
import type { ResultLine } from "./lines.ts";
import { type Plan, pairName } from "./plan.ts";
import { figureNote, renderReport } from "./report.ts";
import { summariesOf } from "./statistics.ts";

const NAME = "pruning_methods";

export const resultsPath = (folder: string): string => join(folder, `${NAME}.jsonl`);

/** Write page and figure from the lines. Returns their paths; writes nothing if there are no lines. */
export async function writeReport(plan: Plan, lines: readonly ResultLine[], folder: string): Promise<string[]> {
  if (lines.length === 0) return [];
  mkdirSync(folder, { recursive: true });
  const panels = plan.pairs
    .filter((pair) => lines.some((line) => pairName(line) === pairName(pair)))
    .map((pair) => ({ pair, summaries: summariesOf(pair, lines) }));
  const figure = resultFigure(panels, figureNote(lines));
  const utf8 = (content: string) => new TextEncoder().encode(content);
  const files: [string, Uint8Array][] = [
    [join(folder, `${NAME}.md`), utf8(renderReport({ plan, lines }))],
    [join(folder, `${NAME}.svg`), utf8(`${figure.svg}\n`)],
    [join(folder, `${NAME}.png`), await figure.png()],
  ];
  for (const [path, bytes] of files) await writeAtomic(path, bytes);
  return files.map(([path]) => path);
}
