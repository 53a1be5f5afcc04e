// A uPlot chart over the steps of the run, with strong and pale lines for one or two lanes.
import uPlot from "uplot";
import { t } from "../texts/text.ts";
import { alignLanes, type Columns, type Series } from "./history.ts";
import { Legend } from "./legend.ts";
import { drawMark } from "./marks.ts";
import { count, short, UNKNOWN } from "./numbers.ts";
import { isDecade, linearRange, logRange, nearOne, nearOneRange, nearOneTicks } from "./ranges.ts";
import { theme } from "./theme.ts";

export interface PlotOptions {
  readonly title: string;
  /** The first is drawn strong, the second pale. */
  readonly series: readonly Series[];
  /** Names of the series in the legend, if there are two. */
  readonly names?: readonly string[];
  readonly log?: boolean;
  /** Limits of the axis unless data exceed them. */
  readonly range?: readonly [number, number];
  readonly format?: (value: number | null) => string;
  /** Format of the axis; default: `format`. */
  readonly tick?: (value: number) => string;
  /** Name of the vertical axis, with its unit. */
  readonly axis: string;
  /** True for accuracies: the axis spreads values near 1. */
  readonly nearOne?: boolean;
  /** Series drawn with dots. */
  readonly dots?: readonly Series[];
}

const HEIGHT = 240;
const FONT = "12px system-ui, sans-serif";

/** Steps to mark in all plots: the first steps of epochs, and those at which D moved. */
export interface StepMarks {
  readonly stepsPerEpoch: number;
  readonly moves: readonly { readonly step: number; readonly threshold: number }[];
}

/** Most lines between epochs; more would hide the curves. */
const MOST_EPOCHS = 24;

export class Plot {
  private readonly host: HTMLElement;
  private readonly legend: Legend;
  private readonly options: PlotOptions;
  private chart: uPlot | null = null;
  private names: readonly string[] = [];
  private describedAt = 0;
  private marks: StepMarks = { stepsPerEpoch: 0, moves: [] };

  /** `host` gets the chart, `values` the numbers at the pointer or at the end. */
  constructor(host: HTMLElement, values: HTMLElement, options: PlotOptions) {
    this.host = host;
    this.legend = new Legend(values);
    this.options = options;
  }

  /** Start over with these lanes. */
  reset(names: readonly string[]): void {
    this.names = names;
    this.legend.reset(names);
    this.chart?.destroy();
    this.chart = new uPlot(this.config(), [[]], this.host);
    this.describedAt = 0;
  }

  update(lanes: readonly Columns[], marks: StepMarks = this.marks): void {
    if (!this.chart) return;
    this.fit();
    const [steps, ...rows] = alignLanes(lanes, this.options.series);
    // A logarithmic axis cannot show zero.
    const drawn = this.options.log ? rows.map((row) => row.map((value) => ((value ?? 0) > 0 ? value : null))) : rows;
    this.marks = marks;
    // A batch draws immediately; otherwise uPlot draws all charts later in one task.
    const { chart } = this;
    chart.batch(() => chart.setData([steps, ...drawn]));
    this.showValues();
    this.describe();
  }

  /** Redraw after a change of colours. */
  recolor(): void {
    this.chart?.redraw(true, true);
  }

  /** Resize after the page has changed its size. */
  fit(): void {
    const width = this.host.clientWidth;
    if (this.chart && width > 0 && this.chart.width !== width) this.chart.setSize({ width, height: HEIGHT });
  }

  private config(): uPlot.Options {
    const { options } = this;
    const { format = short, log = false, dots = [] } = options;
    const tick = options.tick ?? format;
    const axis: uPlot.Axis = {
      stroke: () => theme().faint,
      font: FONT,
      labelFont: FONT,
      labelSize: 18,
      grid: { stroke: () => theme().line, width: 1 },
      ticks: { stroke: () => theme().line, width: 1, size: 4 },
    };
    const series: uPlot.Series[] = [{}];
    for (const lane of this.names.keys())
      options.series.forEach((name, i) => {
        const stroke = () => theme().lanes[lane === 0 ? 0 : 1];
        const dotted = dots.includes(name);
        series.push({
          stroke,
          width: i === 0 ? 2 : 1.25,
          alpha: i === 0 ? 1 : 0.7,
          // The lanes differ in more than colour.
          ...(lane === 0 ? {} : { dash: [6, 4] }),
          spanGaps: true,
          points: { show: dotted ? (chart, index) => this.dots(chart, index, lane) : false },
        });
      });
    return {
      width: Math.max(200, this.host.clientWidth),
      height: HEIGHT,
      legend: { show: false },
      cursor: { drag: { x: false, y: false }, points: { size: 7 } },
      padding: [8, 10, 0, 0],
      scales: {
        x: { time: false, range: (_, min, max) => [Math.min(min ?? 0, 0), Math.max(1, max ?? 1)] },
        y: this.scale(),
      },
      axes: [
        {
          ...axis,
          size: 30,
          space: 70,
          label: t("plot.step"),
          values: (_, ticks) => ticks.map((at) => (Number.isInteger(at) ? count(at) : "")),
        },
        {
          ...axis,
          size: 58,
          space: options.nearOne ? 20 : 34,
          label: options.axis,
          ...(options.nearOne
            ? { splits: (_, __, ___, max) => nearOneTicks(max + 1e-9), filter: (_, ticks) => ticks }
            : {}),
          values: (_, ticks) => ticks.map((at) => (at === null || (log && !isDecade(at)) ? "" : tick(at))),
        },
      ],
      series,
      hooks: { setCursor: [() => this.showValues()], drawAxes: [(chart) => this.drawMarks(chart)] },
    };
  }

  private scale(): uPlot.Scale {
    const { log, nearOne: near, range } = this.options;
    if (log) return { distr: 3, range: (_, min, max) => logRange(min, max) };
    if (near) return { distr: 100, ...nearOne, range: (_, __, max) => nearOneRange(max ?? 0) };
    return { range: (_, min, max) => linearRange(min, max, range) };
  }

  /** Draw the mark of a lane at each value, instead of dots by uPlot. */
  private dots(chart: uPlot, index: number, lane: number): boolean {
    const { ctx: context } = chart;
    const [steps, row] = [chart.data[0], chart.data[index] as readonly (number | null | undefined)[]];
    context.save();
    context.fillStyle = theme().lanes[lane === 0 ? 0 : 1];
    context.strokeStyle = context.fillStyle;
    row.forEach((value, i) => {
      if (typeof value !== "number") return;
      const at = [chart.valToPos(steps[i]!, "x", true), chart.valToPos(value, "y", true)] as const;
      drawMark(context, lane, ...at, 3.5 * devicePixelRatio);
    });
    context.restore();
    return false;
  }

  /** Draw a line between epochs, and a dashed one with a triangle at each move of D. */
  private drawMarks(chart: uPlot): void {
    const { stepsPerEpoch, moves } = this.marks;
    const { ctx: context, bbox } = chart;
    const last = chart.scales["x"]?.max ?? 0;
    const line = (step: number) => {
      const x = chart.valToPos(step, "x", true);
      context.beginPath();
      context.moveTo(x, bbox.top);
      context.lineTo(x, bbox.top + bbox.height);
      context.stroke();
      return x;
    };
    context.save();
    context.lineWidth = devicePixelRatio;
    context.strokeStyle = theme().line;
    context.setLineDash([devicePixelRatio, 2 * devicePixelRatio]);
    const epochs = stepsPerEpoch > 0 ? Math.floor(last / stepsPerEpoch) : 0;
    const every = Math.max(1, Math.ceil(epochs / MOST_EPOCHS));
    for (let epoch = every; epoch <= epochs; epoch += every) line(epoch * stepsPerEpoch);
    context.strokeStyle = theme().faint;
    context.fillStyle = theme().faint;
    context.setLineDash([4 * devicePixelRatio, 3 * devicePixelRatio]);
    for (const { step } of moves) {
      if (step > last) continue;
      const [x, side] = [line(step), 5 * devicePixelRatio];
      context.beginPath();
      context.moveTo(x - side, bbox.top);
      context.lineTo(x + side, bbox.top);
      context.lineTo(x, bbox.top + 1.5 * side);
      context.fill();
    }
    context.restore();
  }

  private showValues(): void {
    const { chart, options, names } = this;
    if (!chart) return;
    const { format = short } = options;
    const steps = chart.data[0] as ArrayLike<number>;
    const at = chart.cursor.idx ?? steps.length - 1;
    if (steps.length === 0) return;
    const values = names.map((_, lane) => {
      const shown = options.series.map((_, i) => {
        const row = chart.data[1 + lane * options.series.length + i] as readonly (number | null | undefined)[];
        let from = at;
        while (from > 0 && (row[from] ?? null) === null) from--;
        const value = row[from] ?? null;
        return `${options.names ? `${options.names[i]} ` : ""}${value === null ? UNKNOWN : format(value)}`;
      });
      return shown.join(", ");
    });
    this.legend.set(t("plot.at", { step: count(steps[at]) }), values);
  }

  /** Update the label for screen readers, at most every ten seconds. */
  private describe(): void {
    const now = performance.now();
    if (this.describedAt && now - this.describedAt < 10_000) return;
    this.describedAt = now;
    this.host.setAttribute("aria-label", t("plot.label", { title: this.options.title, values: this.legend.text }));
  }
}
