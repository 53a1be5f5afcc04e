// The figure of each kind of experiment: which numbers are drawn against which.
import type { Figure } from "../../src/report/figure.ts";
import { plural } from "../../src/text/index.ts";
import type { Axis } from "./axes.ts";
import { type FigurePanel, figureOf, type Mark, type Series } from "./figure.ts";
import { differenceText, levelText } from "./numbers.ts";
import type { Experiment, Panel } from "./plan.ts";
import { coveredRows, type FigureRow, type RowsPanel, rowsFigure } from "./rows_figure.ts";
import { ALPHA, type Interval, intervalOf } from "./student.ts";
import { accuracyOf, type Row } from "./summary.ts";

const SPARSITY = { label: "share of zeros, % (log of the weights left)", scale: "nines", share: true } as const;
const ACCURACY = { label: "test accuracy, %", share: true } as const;
/** Spread of accuracies beyond which the axis is logarithmic in the error. */
const WIDE = 8;

const bar = ({ mean, half }: Interval, x: number): Mark => ({
  x,
  y: mean,
  low: Math.max(0, mean - (half ?? 0)),
  high: Math.min(1, mean + (half ?? 0)),
});

/** Choose the axis of accuracies: logarithmic in the error if errors differ by more than a factor of WIDE. */
function accuracyAxis(values: readonly number[]): Axis {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const isWide = 1 - low > WIDE * Math.max(1e-4, 1 - high);
  return isWide ? { ...ACCURACY, label: `${ACCURACY.label}, log of the error`, scale: "nines" } : ACCURACY;
}

const accuracies = (rows: readonly Row[]) => rows.map(({ accuracy }) => accuracy.mean);

interface Drawn {
  readonly experiment: Experiment;
  readonly panel: Panel;
  readonly rows: readonly Row[];
}

function denseLevel(rows: readonly Row[]): FigurePanel["level"] {
  const dense = rows.find(({ level }) => level === 0);
  return dense && { name: "dense", y: dense.accuracy.mean };
}

/** Draw a line for each method over its levels. */
function byMethod({ experiment, rows }: Drawn, x: (row: Row) => number): Series[] {
  const { methods: only } = experiment.figure;
  const names = [...new Set(rows.filter(({ level }) => level > 0).map(({ method }) => method))];
  return names
    .filter((name) => only === undefined || only.includes(name))
    .map((name) => ({
      name,
      points: rows.filter(({ method, level }) => method === name && level > 0).map((row) => bar(row.accuracy, x(row))),
    }));
}

function tradeoff(drawn: Drawn): FigurePanel[] {
  const { panel, rows } = drawn;
  const series = byMethod(drawn, ({ sparsity }) => sparsity.mean);
  return [{ title: panel.title, x: SPARSITY, y: accuracyAxis(accuracies(rows)), series, level: denseLevel(rows) }];
}

/** Operations of a row: mean synaptic operations of a sample. */
export function synOpsOf(row: Row): number {
  const counts = [...row.results.values()].flatMap(({ line }) => (line.activity ? [line.activity.synOps] : []));
  return counts.length === 0 ? Number.NaN : counts.reduce((a, b) => a + b, 0) / counts.length;
}

function operations(drawn: Drawn): FigurePanel[] {
  const { panel, rows } = drawn;
  const series = byMethod(drawn, synOpsOf);
  const x = { label: "synaptic operations of an image (log)", scale: "log" } as const;
  return [{ title: panel.title, x, y: accuracyAxis(accuracies(rows)), series, level: denseLevel(rows) }];
}

/** Draw the coefficient over the run, of the first seed, and beside it the accuracies. */
function lambda({ panel, rows }: Drawn): FigurePanel[] {
  const pruned = rows.filter(({ level }) => level > 0);
  const traces = pruned.map((row): Series => {
    const trace = [...row.results.values()][0]?.line.trace ?? [];
    // A coefficient of 0 has no place on a logarithmic axis.
    return { name: row.method, every: 5, points: trace.flatMap(([x, y]) => (y > 0 ? [{ x, y }] : [])) };
  });
  const dots = pruned.map((row, i): Series => ({ name: row.method, points: [bar(row.accuracy, i + 1)] }));
  const level = pruned[0] ? ` at ${levelText(pruned[0].level)} zeros` : "";
  return [
    {
      title: `${panel.title}: lambda`,
      x: { label: "epoch" },
      y: { label: "lambda = rise of d / learning rate (log)", scale: "log" },
      series: traces,
      apart: 0,
    },
    {
      title: `${panel.title}: accuracy${level}`,
      x: { label: "schedule", names: pruned.map(({ method }) => method) },
      y: accuracyAxis(accuracies(pruned)),
      series: dots,
      apart: 0,
      level: denseLevel(rows),
    },
  ];
}

/** Name of a method of the freeze experiment: its series, and the epoch at which its mask is final. */
const FREEZE = /^(shuffled )?(?:at-init ([\d.]+)|(.+), epoch ([\d.]+))$/;

/** Return series and epoch of a method: "beta 0.1, epoch 4" is beta 0.1 at 4; "at-init 0.5" is at-init at 0.5. */
export function freezeOf(name: string): { readonly series: string; readonly epoch: number } | null {
  const found = FREEZE.exec(name);
  if (!found) return null;
  const [, shuffled = "", short, beta, epoch] = found;
  return { series: `${shuffled}${beta ?? "at-init"}`, epoch: Number(short ?? epoch) };
}

/** Draw one panel for each level: accuracy against the epoch at which the mask is final. */
function freeze({ rows }: Drawn): FigurePanel[] {
  const levels = [...new Set(rows.map(({ level }) => level))].filter((level) => level > 0);
  return levels.map((level) => {
    const own = rows.flatMap((row) => {
      const place = row.level === level ? freezeOf(row.method) : null;
      return place ? [{ ...place, row }] : [];
    });
    const names = [...new Set(own.map(({ series }) => series))];
    const series = names.map((name) => ({
      name,
      controls: /^shuffled (.+)$/.exec(name)?.[1],
      points: own
        .filter((one) => one.series === name)
        .sort((a, b) => a.epoch - b.epoch)
        .map(({ row, epoch }) => bar(row.accuracy, epoch)),
    }));
    return {
      title: `${levelText(level)} zeros`,
      x: { label: "epoch from which the mask is fixed; at-init: epochs that find it" },
      y: accuracyAxis(accuracies(own.map(({ row }) => row))),
      series,
      apart: 2,
      level: denseLevel(rows),
    };
  });
}

/** Return the points of a trail: mean share and accuracy of each epoch over the seeds, of epochs with at least a tenth of zeros. */
export function trailOf(
  row: Row,
): { readonly epoch: number; readonly sparsity: Interval; readonly accuracy: Interval }[] {
  const runs = [...row.results.values()].map(({ line }) => line.epochs ?? []);
  const length = Math.min(...runs.map((epochs) => epochs.length));
  return Array.from({ length }, (_, i) => {
    const tests = runs.map((epochs) => epochs[i]!);
    return {
      epoch: tests[0]!.epoch,
      sparsity: intervalOf(tests.map(({ sparsity }) => sparsity ?? 0)),
      accuracy: intervalOf(tests.map(accuracyOf)),
    };
  }).filter(({ sparsity }) => sparsity.mean >= 0.1);
}

function trail(drawn: Drawn): FigurePanel[] {
  const { panel, rows } = drawn;
  const series = byMethod(drawn, ({ sparsity }) => sparsity.mean).map((one): Series => {
    const row = rows.find(
      ({ method, results }) => method === one.name && [...results.values()].some((r) => r.line.epochs),
    );
    if (!row) return one;
    return { name: one.name, points: trailOf(row).map(({ sparsity, accuracy }) => bar(accuracy, sparsity.mean)) };
  });
  const values = series.flatMap(({ points }) => points.map(({ y }) => y));
  return [{ title: panel.title, x: SPARSITY, y: accuracyAxis(values), series, level: denseLevel(rows) }];
}

/** Draw a row for each method of a panel and level. */
function rowsPanel({ panel, rows, experiment }: Drawn, level: number): RowsPanel {
  const own = rows.filter((row) => row.level === level).sort((a, b) => b.accuracy.mean - a.accuracy.mean);
  const dense = rows.find((row) => row.level === 0);
  const body = own.map((row): FigureRow => {
    const { y, low, high } = bar(row.accuracy, 0);
    const { against } = row;
    const star = against?.p != null && against.p < ALPHA ? " *" : "";
    const note = against ? `${differenceText({ mean: against.mean, half: null })}${star}` : "";
    const isReference = row.method === experiment.reference;
    return {
      name: `${row.method}${row.matched ? "" : " †"}`,
      value: y,
      low: low!,
      high: high!,
      ring: row.raw.mean,
      note,
      isReference,
    };
  });
  const shown = coveredRows(body).map(({ value }) => value);
  const axis = accuracyAxis([...shown, ...(dense ? [dense.accuracy.mean] : [])]);
  return {
    title: `${panel.title}, ${levelText(level)} zeros`,
    axis,
    rows: body,
    level: dense && { name: "dense", x: dense.accuracy.mean },
    noteTitle: `to ${experiment.reference}`,
  };
}

/** Draw a panel of rows for each level and panel. */
function byRows(experiment: Experiment, all: readonly Row[], notes: readonly string[]): Figure {
  const levels = [...new Set(all.map(({ level }) => level))].filter((level) => level > 0);
  const panels = experiment.panels.filter((panel) => all.some((row) => row.panel === panel && row.level > 0));
  const drawn = levels.flatMap((level) =>
    panels
      .map((panel) => ({ experiment, panel, rows: all.filter((row) => row.panel === panel) }))
      .filter(({ rows }) => rows.some((row) => row.level === level))
      .map((one) => rowsPanel(one, level)),
  );
  const hasRing = all.some(({ raw, accuracy }) => raw.mean !== accuracy.mean);
  const ring = hasRing ? "; ring: with the running statistics of training" : "";
  const missed = all.some(({ level, matched }) => level > 0 && !matched);
  const legend = `Dot: accuracy with re-estimated batch norm${ring}. An arrow is outside the axis.`;
  const dagger = missed ? " † zeros beside the level." : "";
  const stars = `Right: difference from ${experiment.reference} in points, paired by seed; * p < ${ALPHA}, corrected by Holm.${dagger}`;
  const columns = panels.length > 1 ? panels.length : 2;
  return rowsFigure(drawn, { title: experiment.title, notes: [...notes, legend, stars], columns });
}

const KINDS = { tradeoff, operations, lambda, freeze, trail } as const;

/** Draw the figure of an experiment; null if it has no result above no zeros. */
export function drawingOf(experiment: Experiment, rows: readonly Row[]): Figure | null {
  if (!rows.some(({ level }) => level > 0)) return null;
  const seeds = Math.max(...rows.map(({ results }) => results.size));
  const cells = rows.reduce((n, { results }) => n + results.size, 0);
  const bars = seeds > 1 ? ", bars: 95 % confidence intervals" : "";
  const means = `Means of ${seeds === 1 ? "1 seed" : `up to ${plural(seeds, "seed")}`}${bars}; ${plural(cells, "run")}.`;
  const { kind } = experiment.figure;
  const traces = kind === "lambda" ? " Traces: the first seed." : "";
  if (kind === "rows") return byRows(experiment, rows, [means]);
  const panels = experiment.panels
    .map((panel) => ({ experiment, panel, rows: rows.filter((row) => row.panel === panel) }))
    .filter((drawn) => drawn.rows.some(({ level }) => level > 0))
    .flatMap(KINDS[kind]);
  return figureOf(panels, {
    title: experiment.title,
    note: `${means} Batch norm statistics are re-estimated.${traces}`,
  });
}
