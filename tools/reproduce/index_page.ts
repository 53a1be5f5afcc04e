// The page that lists the experiments: what each says, in one sentence for each panel and level, its figure and its page.
import { facts } from "./page.ts";
import type { Experiment } from "./plan.ts";
import type { Row } from "./summary.ts";

/** An experiment with its results so far. */
export interface Listed {
  readonly experiment: Experiment;
  readonly rows: readonly Row[];
  readonly total: number;
  /** Finished cells. */
  readonly done: number;
}

/** Write the page. */
export function indexPage(listed: readonly Listed[]): string {
  return `${[
    "# Results of the experiments",
    "Written by `npm run reproduce` from the lines of `runs.jsonl`. Each page says how its experiment was run. All sentences are computed from the numbers, and change with them.",
    ...listed.flatMap(partsOf),
  ].join("\n\n")}\n`;
}

function partsOf({ experiment, rows, total, done }: Listed): string[] {
  const { name, title, panels } = experiment;
  const sentences = panels.flatMap((panel) => {
    const own = rows.filter((row) => row.panel === panel);
    const levels = [...new Set(own.map(({ level }) => level))].filter((level) => level > 0);
    const prefix = panels.length > 1 ? `${panel.title}. ` : "";
    return levels.flatMap((level) => {
      const at = own.filter((row) => row.level === level);
      return facts(experiment, level, at).map((fact) => `- ${prefix}${fact}`);
    });
  });
  const count = done === total ? `All ${total} cells are finished.` : `${done} of ${total} cells are finished.`;
  return [
    `## [${title}](${name}.md)`,
    `${count} A cell is one method at one share of zeros with one seed.`,
    `![${title}](${name}.svg)`,
    ...(sentences.length > 0 ? [sentences.join("\n")] : []),
  ];
}
