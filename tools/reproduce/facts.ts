// Facts that follow from the numbers of a pair: the best method at each level, and the differences to LATS.
import type { ResultLine } from "./lines.ts";
import { levelText, markdownTable, rounded, spreadText } from "./numbers.ts";
import type { Pair } from "./plan.ts";
import { bestOf, levelsOf, methodsOf, pairedDifference, type Spread, type Summary, summariesOf } from "./statistics.ts";

/** Write the parts of the page about a pair, in Markdown. Empty if there is nothing to compare yet. */
export function factLines(pair: Pair, lines: readonly ResultLine[]): string[] {
  const summaries = summariesOf(pair, lines);
  const levels = levelsOf(pair).filter((level) => level > 0);
  const at = (level: number) => summaries.filter(({ cell }) => cell.level === level);
  const dense = summaries.find(({ cell }) => cell.level === 0);
  const facts = levels.flatMap((level) => bestFact(level, at(level), dense));
  const table = differences(pair, levels, at);
  return [...(facts.length > 0 ? [facts.join("\n")] : []), ...(table ? [table] : [])];
}

function bestFact(level: number, summaries: readonly Summary[], dense: Summary | undefined): string[] {
  const best = bestOf(summaries);
  if (!best || summaries.length < 2) return [];
  const { cell, accuracy } = best.best;
  const others = best.level.map((summary) => summary.cell.method).filter((method) => method !== cell.method);
  const equals =
    others.length > 0
      ? `; within its standard deviation: ${others.join(", ")}`
      : `; no other within its standard deviation`;
  const toDense = dense ? pairedDifference(best.best, dense) : null;
  const lost = toDense ? `; against dense ${signedText(toDense)} points` : "";
  const lats = summaries.find((summary) => summary.cell.method === "lats");
  const place = lats ? 1 + summaries.filter((s) => s.accuracy.mean > lats.accuracy.mean).length : 0;
  const rank = lats ? `; lats is number ${place} of ${summaries.length}` : "";
  return [`- ${levelText(level)}: best is ${cell.method}, ${spreadText(accuracy)} %${equals}${lost}${rank}`];
}

/** Write a difference: +0.12 ± 0.05. */
function signedText({ mean, sd }: Spread): string {
  const sign = mean < 0 ? "−" : "+";
  return `${sign}${rounded(Math.abs(mean), 2)}${sd === null ? "" : ` ± ${rounded(sd, 2)}`}`;
}

function differences(pair: Pair, levels: readonly number[], at: (level: number) => readonly Summary[]): string | null {
  const methods = methodsOf(pair).filter((method) => method !== "dense" && method !== "lats");
  const rows = methods.map((method) => [
    method,
    ...levels.map((level) => {
      const of = (name: string) => at(level).find(({ cell }) => cell.method === name);
      const [lats, other] = [of("lats"), of(method)];
      const difference = lats && other ? pairedDifference(lats, other) : null;
      if (!difference || !lats || !other) return "";
      return `${signedText(difference)}${lats.matched && other.matched ? "" : " †"}`;
    }),
  ]);
  const told = rows.filter((row) => row.slice(1).some((cell) => cell !== ""));
  if (told.length === 0) return null;
  const note =
    "Accuracy of lats minus that of each other method, in points: mean ± standard deviation of the differences seed by seed.";
  return `${note}\n\n${markdownTable(["lats minus", ...levels.map(levelText)], told)}`;
}
