// The plots over steps, and accuracy against sparsity, drawn from the histories of the lanes.
import { t } from "../texts/text.ts";
import { find } from "./dom.ts";
import type { Frames } from "./frames.ts";
import type { History, Test } from "./history.ts";
import { percent, short } from "./numbers.ts";
import { Plot, type PlotOptions, type StepMarks } from "./plot.ts";
import { Tradeoff } from "./tradeoff.ts";

const share = (value: number): string => `${Number((value * 100).toFixed(1))} %`;

/** Plots by the id of their element. */
const PLOTS: Readonly<Record<string, PlotOptions>> = {
  loss: { title: t("loss.title"), series: ["loss"], axis: t("loss.axis"), log: true },
  accuracy: {
    title: t("accuracy.title"),
    series: ["testAccuracy", "trainAccuracy"],
    names: [t("plot.test"), t("plot.training")],
    dots: ["testAccuracy"],
    axis: t("accuracy.axis"),
    nearOne: true,
    format: percent,
    tick: share,
  },
  sparsity: {
    title: t("sparsity.title"),
    series: ["sparsity"],
    axis: t("sparsity.axis"),
    range: [0, 1],
    format: percent,
    tick: share,
  },
  threshold: { title: t("threshold.title"), series: ["threshold"], axis: t("threshold.axis"), range: [0, 0] },
  lambda: { title: t("lambda.title"), series: ["lambda"], axis: t("lambda.axis"), log: true, format: short },
};

/** Least time between two drawings of a curve, in ms. */
const BETWEEN_MS = 200;

interface Chart {
  reset(names: readonly string[], testImages: number): void;
  recolor(): void;
  fit(): void;
}

export class Curves {
  private readonly frames: Frames;
  private readonly hosts: HTMLElement[] = [];
  private readonly charts: Chart[] = [];
  private readonly tradeoff = new Tradeoff(find("#plot-tradeoff"), find("#values-tradeoff"));
  private histories: readonly History[] = [];
  private marks: StepMarks = { stepsPerEpoch: 0, moves: [] };

  constructor(frames: Frames) {
    this.frames = frames;
    for (const [id, options] of Object.entries(PLOTS)) {
      const plot = new Plot(find(`#plot-${id}`), find(`#values-${id}`), options);
      this.add(find(`#plot-${id}`), plot, () =>
        plot.update(
          this.histories.map((history) => history.thinned()),
          this.marks,
        ),
      );
    }
    const { tradeoff } = this;
    this.add(find("#plot-tradeoff"), tradeoff, () => tradeoff.update(this.histories.map((history) => history.tests())));
  }

  /** Start over with the networks of a run; `testImages`: number of images of the test set. */
  reset(names: readonly string[], histories: readonly History[], marks: StepMarks, testImages: number): void {
    this.histories = histories;
    this.marks = marks;
    for (const chart of this.charts) chart.reset(names, testImages);
    this.changed();
  }

  changed(): void {
    for (const host of this.hosts) this.frames.mark(host);
  }

  /** Keep the ends of a finished run in the plot of accuracy against weights left. */
  keepEnds(ends: readonly Test[]): void {
    for (const end of ends) this.tradeoff.keep(end);
    this.changed();
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
