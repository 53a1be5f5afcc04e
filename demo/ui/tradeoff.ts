// Accuracy against the weights left: one path per lane, one dot with its error per test, and the ends of finished runs with
// the front that they build.
import uPlot from "uplot";
import { t } from "../texts/text.ts";
import type { Test } from "./history.ts";
import { Legend } from "./legend.ts";
import { drawMark } from "./marks.ts";
import { percent } from "./numbers.ts";
import { accuracyError, nearOne, nearOneRange, nearOneTicks, paretoFront } from "./ranges.ts";
import { theme } from "./theme.ts";

const HEIGHT = 260;
const FONT = "12px system-ui, sans-serif";
const DOT = 4;
/** Share of zeros at which the axis ends: a network without weights is drawn there. */
const MOST_ZEROS = 0.999;

type Paths = readonly (readonly [readonly number[], readonly number[]])[];

const share = (value: number): string => `${Number((value * 100).toFixed(1))} %`;

export class Tradeoff {
  private readonly host: HTMLElement;
  private readonly legend: Legend;
  private chart: uPlot | null = null;
  private names: readonly string[] = [];
  private tests: readonly (readonly Test[])[] = [];
  /** Ends of finished runs; they stay when networks are built again. */
  private readonly ends: Test[] = [];
  private testImages = 0;
  private describedAt = 0;

  constructor(host: HTMLElement, values: HTMLElement) {
    this.host = host;
    this.legend = new Legend(values);
  }

  /** Start over; `testImages`: number of images of the whole test set. */
  reset(names: readonly string[], testImages = 0): void {
    this.names = names;
    this.tests = [];
    this.testImages = testImages;
    this.legend.reset(names);
    this.chart?.destroy();
    this.describedAt = 0;
    this.chart = new uPlot(this.config(), this.data([]), this.host);
  }

  /** Keep the end of a finished run. */
  keep(end: Test): void {
    this.ends.push(end);
  }

  update(tests: readonly (readonly Test[])[]): void {
    if (!this.chart) return;
    this.fit();
    this.tests = tests;
    const { chart } = this;
    const data = this.data(
      tests.map((lane) => [
        lane.map(({ sparsity }) => Math.min(sparsity, MOST_ZEROS)),
        lane.map(({ accuracy }) => accuracy),
      ]),
    );
    chart.batch(() => chart.setData(data));
    const ends = tests.map((lane) => {
      const last = lane.at(-1);
      if (!last) return t("tradeoff.none");
      return t("tradeoff.end", { accuracy: percent(last.accuracy), zeros: percent(last.sparsity) });
    });
    this.legend.set("", ends);
    const now = performance.now();
    if (this.describedAt && now - this.describedAt < 10_000) return;
    this.describedAt = now;
    this.host.setAttribute("aria-label", t("tradeoff.label", { values: this.legend.text }));
  }

  recolor(): void {
    this.chart?.redraw(true, true);
  }

  fit(): void {
    const width = this.host.clientWidth;
    if (this.chart && width > 0 && this.chart.width !== width) this.chart.setSize({ width, height: HEIGHT });
  }

  /** In uPlot's mode 2 each series has its own x and y; the first entry is unused. */
  private data(paths: Paths): uPlot.AlignedData {
    const filled = this.names.map((_, i) => paths[i] ?? [[], []]);
    return [null, ...filled] as unknown as uPlot.AlignedData;
  }

  private most(key: "sparsity" | "accuracy"): number {
    return Math.max(0, ...[...this.tests.flat(), ...this.ends].map((test) => test[key]));
  }

  private config(): uPlot.Options {
    const axis: uPlot.Axis = {
      stroke: () => theme().faint,
      font: FONT,
      labelFont: FONT,
      labelSize: 20,
      grid: { stroke: () => theme().line, width: 1 },
      ticks: { stroke: () => theme().line, width: 1, size: 4 },
    };
    const scale = { distr: 100, ...nearOne } as const;
    const splits = (_: uPlot, __: number, ___: number, max: number) => nearOneTicks(max + 1e-9);
    // uPlot drops labels of scales that are not linear.
    const filter = (_: uPlot, ticks: number[]) => ticks;
    const left = (_: uPlot, zeros: number[]) => zeros.map((value) => share(1 - value));
    return {
      mode: 2,
      width: Math.max(200, this.host.clientWidth),
      height: HEIGHT,
      legend: { show: false },
      cursor: { show: false },
      padding: [10, 26, 0, 0],
      scales: {
        x: { ...scale, time: false, range: () => [0, Math.max(0.99, nearOneRange(this.most("sparsity"))[1])] },
        y: { ...scale, range: () => nearOneRange(this.most("accuracy")) },
      },
      axes: [
        { ...axis, scale: "x", size: 30, space: 40, splits, filter, values: left, label: t("tradeoff.x") },
        {
          ...axis,
          scale: "y",
          size: 54,
          space: 20,
          splits,
          filter,
          values: (_, ticks) => ticks.map(share),
          label: t("tradeoff.y"),
        },
      ],
      series: [
        {},
        ...this.names.map(
          (_, lane): uPlot.Series => ({
            facets: [
              { scale: "x", auto: true },
              { scale: "y", auto: true },
            ],
            paths: (chart, index) => this.path(chart, index, lane),
          }),
        ),
      ],
      hooks: { drawAxes: [(chart) => this.ghosts(chart)] },
    };
  }

  private place(chart: uPlot, sparsity: number, accuracy: number): [number, number] {
    const at = Math.min(sparsity, MOST_ZEROS);
    return [chart.valToPos(at, "x", true), chart.valToPos(Math.max(0, accuracy), "y", true)];
  }

  /** Draw the ends of finished runs and the line through the best of them. */
  private ghosts(chart: uPlot): void {
    if (this.ends.length === 0) return;
    const { ctx: context } = chart;
    context.save();
    context.strokeStyle = theme().faint;
    context.lineWidth = devicePixelRatio;
    context.setLineDash([2 * devicePixelRatio, 3 * devicePixelRatio]);
    context.beginPath();
    for (const { sparsity, accuracy } of paretoFront(this.ends))
      context.lineTo(...this.place(chart, sparsity, accuracy));
    context.stroke();
    context.setLineDash([]);
    for (const { sparsity, accuracy } of this.ends) {
      context.beginPath();
      context.arc(...this.place(chart, sparsity, accuracy), DOT * devicePixelRatio, 0, 2 * Math.PI);
      context.stroke();
    }
    context.restore();
  }

  /** Draw on the chart's canvas; the last dot is larger. */
  private path(chart: uPlot, index: number, lane: number): null {
    const [xs, ys] = chart.data[index] as unknown as [number[], number[]];
    const { ctx: context } = chart;
    const ratio = devicePixelRatio;
    const color = theme().lanes[lane === 0 ? 0 : 1];
    context.save();
    context.strokeStyle = color;
    context.fillStyle = color;
    context.lineWidth = 2 * ratio;
    context.lineJoin = "round";
    context.setLineDash(lane === 0 ? [] : [6 * ratio, 4 * ratio]);
    context.beginPath();
    for (let i = 0; i < xs.length; i++) context.lineTo(...this.place(chart, xs[i]!, ys[i]!));
    context.stroke();
    context.setLineDash([]);
    for (let i = 0; i < xs.length; i++) {
      const [x, y] = this.place(chart, xs[i]!, ys[i]!);
      const error = accuracyError(ys[i]!, this.tests[lane]?.[i]?.images ?? this.testImages);
      context.lineWidth = ratio;
      context.beginPath();
      context.moveTo(x, this.place(chart, xs[i]!, ys[i]! - error)[1]);
      context.lineTo(x, this.place(chart, xs[i]!, Math.min(MOST_ZEROS, ys[i]! + error))[1]);
      context.stroke();
      drawMark(context, lane, x, y, (i === xs.length - 1 ? DOT + 2 : DOT) * ratio);
    }
    context.restore();
    return null;
  }
}
