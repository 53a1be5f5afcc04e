// A uPlot chart over the steps of the run, with strong and pale lines for one or two lanes.
import uPlot from "uplot";
import { t } from "../texts/text.ts";
import { alignLanes, type Columns, type Series } from "./history.ts";
import { Legend } from "./legend.ts";
import { count, short, UNKNOWN } from "./numbers.ts";
import { accuracyFloor, isDecade, linearRange, logRange } from "./ranges.ts";
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
  /** True if the axis starts a little below the last value of the first series. */
  readonly closeIn?: boolean;
  /** Series drawn with dots. */
  readonly dots?: readonly Series[];
}

const HEIGHT = 240;
const FONT = "12px system-ui, sans-serif";

const known = (values: readonly (number | null)[]): number[] => values.filter((value) => value !== null);

export class Plot {
  private readonly host: HTMLElement;
  private readonly legend: Legend;
  private readonly options: PlotOptions;
  private chart: uPlot | null = null;
  private names: readonly string[] = [];
  private describedAt = 0;
  private floor = 0;

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
    this.floor = 0;
  }

  update(lanes: readonly Columns[]): void {
    if (!this.chart) return;
    this.fit();
    const [steps, ...rows] = alignLanes(lanes, this.options.series);
    // A logarithmic axis cannot show zero.
    const drawn = this.options.log ? rows.map((row) => row.map((value) => ((value ?? 0) > 0 ? value : null))) : rows;
    if (this.options.closeIn)
      this.floor = accuracyFloor(lanes.map((lane) => known(lane.values[this.options.series[0]!])));
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
          width: i === 0 ? 2 : 1,
          alpha: i === 0 ? 1 : 0.4,
          spanGaps: true,
          points: { show: dotted, size: 6, fill: stroke },
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
        y: log
          ? { distr: 3, range: (_, min, max) => logRange(min, max) }
          : { range: (_, min, max) => (options.closeIn ? [this.floor, 1] : linearRange(min, max, options.range)) },
      },
      axes: [
        { ...axis, size: 30, space: 70, values: (_, ticks) => ticks.map((t) => (Number.isInteger(t) ? count(t) : "")) },
        {
          ...axis,
          size: 58,
          space: 34,
          values: (_, ticks) => ticks.map((t) => (t === null ? "" : log && !isDecade(t) ? "" : tick(t))),
        },
      ],
      series,
      hooks: { setCursor: [() => this.showValues()] },
    };
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
