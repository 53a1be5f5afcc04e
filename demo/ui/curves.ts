// The plots over steps, and accuracy against sparsity, drawn from the histories of the lanes.
import { t } from "../texts/text.ts";
import { find } from "./dom.ts";
import type { Frames } from "./frames.ts";
import type { History } from "./history.ts";
import { percent, short } from "./numbers.ts";
import { Plot, type PlotOptions } from "./plot.ts";
import { Tradeoff } from "./tradeoff.ts";

const share = (value: number): string => `${Number((value * 100).toFixed(1))} %`;

/** Plots by the id of their element. */
const PLOTS: Readonly<Record<string, PlotOptions>> = {
  loss: { title: t("loss.title"), series: ["loss"], log: true },
  accuracy: {
    title: t("accuracy.title"),
    series: ["testAccuracy", "trainAccuracy"],
    names: [t("plot.test"), t("plot.training")],
    dots: ["testAccuracy"],
    closeIn: true,
    format: percent,
    tick: share,
  },
  sparsity: { title: t("sparsity.title"), series: ["sparsity"], range: [0, 1], format: percent, tick: share },
  threshold: { title: t("threshold.title"), series: ["threshold"], range: [0, 0] },
  lambda: { title: t("lambda.title"), series: ["lambda"], log: true, format: short },
};

/** Least time between two drawings of a curve, in ms. */
const BETWEEN_MS = 200;

interface Chart {
  reset(names: readonly string[]): void;
  recolor(): void;
  fit(): void;
}

export class Curves {
  private readonly frames: Frames;
  private readonly hosts: HTMLElement[] = [];
  private readonly charts: Chart[] = [];
  private histories: readonly History[] = [];

  constructor(frames: Frames) {
    this.frames = frames;
    for (const [id, options] of Object.entries(PLOTS)) {
      const plot = new Plot(find(`#plot-${id}`), find(`#values-${id}`), options);
      this.add(find(`#plot-${id}`), plot, () => plot.update(this.histories.map((history) => history.thinned())));
    }
    const tradeoff = new Tradeoff(find("#plot-tradeoff"), find("#values-tradeoff"));
    this.add(find("#plot-tradeoff"), tradeoff, () => tradeoff.update(this.histories));
  }

  reset(names: readonly string[], histories: readonly History[]): void {
    this.histories = histories;
    for (const chart of this.charts) chart.reset(names);
    this.changed();
  }

  changed(): void {
    for (const host of this.hosts) this.frames.mark(host);
  }

  recolor(): void {
    for (const chart of this.charts) chart.recolor();
  }

  private add(host: HTMLElement, chart: Chart, draw: () => void): void {
    this.hosts.push(host);
    this.charts.push(chart);
    this.frames.add(
      host,
      () => {
        draw();
        return false;
      },
      BETWEEN_MS,
    );
    new ResizeObserver(() => chart.fit()).observe(host);
  }
}
