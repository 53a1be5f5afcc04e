// Accuracy against sparsity during training: one path per lane, one dot per test.
import uPlot from "uplot";
import { t } from "../texts/text.ts";
import type { History } from "./history.ts";
import { Legend } from "./legend.ts";
import { percent } from "./numbers.ts";
import { accuracyFloor } from "./ranges.ts";
import { theme } from "./theme.ts";

const HEIGHT = 240;
const FONT = "12px system-ui, sans-serif";
const DOT = 4;

type Paths = readonly (readonly [readonly number[], readonly number[]])[];

export class Tradeoff {
  private readonly host: HTMLElement;
  private readonly legend: Legend;
  private chart: uPlot | null = null;
  private names: readonly string[] = [];
  private floor = 0;
  private describedAt = 0;

  constructor(host: HTMLElement, values: HTMLElement) {
    this.host = host;
    this.legend = new Legend(values);
  }

  reset(names: readonly string[]): void {
    this.names = names;
    this.legend.reset(names);
    this.chart?.destroy();
    this.describedAt = 0;
    this.floor = 0;
    this.chart = new uPlot(this.config(), this.data([]), this.host);
  }

  update(lanes: readonly History[]): void {
    if (!this.chart) return;
    this.fit();
    const tests = lanes.map((lane) => lane.tests());
    this.floor = accuracyFloor(tests.map((lane) => lane.map(({ accuracy }) => accuracy)));
    const { chart } = this;
    const data = this.data(tests.map((lane) => [lane.map((t) => t.sparsity), lane.map((t) => t.accuracy)]));
    chart.batch(() => chart.setData(data));
    const ends = tests.map((lane) => {
      const last = lane.at(-1);
      return last
        ? t("tradeoff.end", { accuracy: percent(last.accuracy), zeros: percent(last.sparsity) })
        : t("tradeoff.none");
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

  private config(): uPlot.Options {
    const axis: uPlot.Axis = {
      stroke: () => theme().faint,
      font: FONT,
      labelFont: FONT,
      labelSize: 20,
      grid: { stroke: () => theme().line, width: 1 },
      ticks: { stroke: () => theme().line, width: 1, size: 4 },
    };
    const whole = (_: uPlot, ticks: number[]) => ticks.map((t) => `${Number((t * 100).toFixed(1))} %`);
    return {
      mode: 2,
      width: Math.max(200, this.host.clientWidth),
      height: HEIGHT,
      legend: { show: false },
      cursor: { show: false },
      padding: [10, 26, 0, 0],
      scales: {
        x: { time: false, range: () => [0, 1] },
        y: { range: () => [this.floor, 1] },
      },
      axes: [
        { ...axis, scale: "x", size: 30, space: 60, values: whole, label: t("tradeoff.x") },
        { ...axis, scale: "y", size: 54, space: 34, values: whole, label: t("tradeoff.y") },
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
    };
  }

  /** Draw on the chart's canvas; the last dot is larger. */
  private path(chart: uPlot, index: number, lane: number): null {
    const [xs, ys] = chart.data[index] as unknown as [number[], number[]];
    const { ctx: context } = chart;
    const ratio = devicePixelRatio;
    const color = theme().lanes[lane === 0 ? 0 : 1];
    const at = (i: number): [number, number] => [chart.valToPos(xs[i]!, "x", true), chart.valToPos(ys[i]!, "y", true)];
    context.save();
    // Clip below the axis, but not the dots on its edge.
    const { left, top, width, height } = chart.bbox;
    const edge = (DOT + 2) * ratio;
    context.beginPath();
    context.rect(left - edge, top - edge, width + 2 * edge, height + edge);
    context.clip();
    context.strokeStyle = color;
    context.fillStyle = color;
    context.lineWidth = 2 * ratio;
    context.lineJoin = "round";
    context.beginPath();
    for (let i = 0; i < xs.length; i++) context.lineTo(...at(i));
    context.stroke();
    for (let i = 0; i < xs.length; i++) {
      context.beginPath();
      context.arc(...at(i), (i === xs.length - 1 ? DOT + 2 : DOT) * ratio, 0, 2 * Math.PI);
      context.fill();
    }
    context.restore();
    return null;
  }
}
