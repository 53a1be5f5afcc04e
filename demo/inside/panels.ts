// The panels below the stage that draw: plots, maps of weights, histograms, layers, kernels and spikes. One chunk of code, which the page
// loads when they are first shown.
import type { Report, ThresholdMove } from "../shared/protocol.ts";
import { Curves } from "../ui/curves.ts";
import type { Frames } from "../ui/frames.ts";
import { HistogramPanel } from "../ui/histogram_panel.ts";
import type { History, Test } from "../ui/history.ts";
import { LayersPanel } from "../ui/layers_panel.ts";
import { SpikesPanel } from "../ui/spikes_panel.ts";
import { TimelinePanel } from "../ui/timeline_panel.ts";
import { WeightsPanel } from "../ui/weights_panel.ts";

/** Networks of a run, their names, and what the page collects about them. */
export interface PanelRun {
  readonly built: Extract<Report, { kind: "built" }>;
  readonly names: readonly string[];
  readonly histories: readonly History[];
  /** Moves of D so far; the run appends to it. */
  readonly moves: readonly ThresholdMove[];
}

/** A report that only these panels show. */
export type PanelReport = Extract<Report, { kind: "picture" | "timeline" | "spikes" }>;

export class Panels {
  private readonly curves: Curves;
  private readonly weights: WeightsPanel;
  private readonly histogram: HistogramPanel;
  private readonly layers = new LayersPanel();
  private readonly timeline: TimelinePanel;
  private readonly spikes: SpikesPanel;

  constructor(frames: Frames) {
    this.curves = new Curves(frames);
    this.weights = new WeightsPanel(frames);
    this.histogram = new HistogramPanel(frames);
    this.timeline = new TimelinePanel(frames);
    this.spikes = new SpikesPanel(frames);
  }

  /** Start over with the networks of a run. */
  reset({ built, names, histories, moves }: PanelRun): void {
    const { stepsPerEpoch, data, settings } = built;
    const lanes = built.lanes.map((lane, i) => ({ ...lane, method: names[i]! }));
    this.curves.reset(names, histories, { stepsPerEpoch, moves }, data.test);
    this.weights.reset(lanes);
    this.histogram.reset(lanes);
    this.layers.reset(lanes);
    this.timeline.reset();
    this.spikes.reset(names, settings.model === "spiking-cnn");
  }

  show(report: PanelReport): void {
    if (report.kind === "timeline") this.timeline.update(report.rows);
    else if (report.kind === "spikes") this.spikes.update(report);
    else {
      this.weights.update(report.lane, report.layers);
      this.histogram.update(report.lane, report.layers);
      this.layers.update(report.lane, report.layers, report.sparseBytes);
    }
  }

  /** Draw the plots again: the histories or the moves changed. */
  changed(): void {
    this.curves.changed();
  }

  /** Keep the ends of a finished run in the plot of accuracy against weights left. */
  keepEnds(ends: readonly Test[]): void {
    this.curves.keepEnds(ends);
  }

  /** Draw in the colours of the theme. */
  recolor(): void {
    this.curves.recolor();
  }
}
