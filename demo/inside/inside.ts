// The part of the page below the stage. It opens and closes by a button, and loads the code of its panels when it first opens; until then
// the latest reports are kept.
import { find } from "../ui/dom.ts";
import type { Frames } from "../ui/frames.ts";
import type { Test } from "../ui/history.ts";
import { notify } from "../ui/messages.ts";
import type { PanelReport, PanelRun, Panels } from "./panels.ts";

export class Inside {
  private readonly part = find<HTMLElement>("#inside");
  private readonly button = find<HTMLButtonElement>("#look-inside");
  private readonly frames: Frames;
  private panels: Panels | null = null;
  private loading = false;
  private run: PanelRun | null = null;
  /** Latest report of each kind and lane, until the panels show it. */
  private readonly waiting = new Map<string, PanelReport>();
  private ends: Test[] = [];

  constructor(frames: Frames) {
    this.frames = frames;
    this.button.addEventListener("click", () => {
      this.part.hidden = !this.part.hidden;
      this.button.setAttribute("aria-expanded", String(!this.part.hidden));
      void this.load();
      frames.markAll();
    });
  }

  /** Remove the part and its button, where there is no GPU. */
  hide(): void {
    this.part.hidden = true;
    this.button.hidden = true;
  }

  /** Start over with the networks of a run. */
  reset(run: PanelRun): void {
    this.run = run;
    this.waiting.clear();
    this.panels?.reset(run);
  }

  show(report: PanelReport): void {
    if (this.panels) this.panels.show(report);
    else this.waiting.set(`${report.kind} ${"lane" in report ? report.lane : ""}`, report);
  }

  /** Draw the plots again: the histories or the moves changed. */
  changed(): void {
    this.panels?.changed();
  }

  /** Keep the ends of a finished run in the plot of accuracy against weights left. */
  keepEnds(ends: readonly Test[]): void {
    if (this.panels) this.panels.keepEnds(ends);
    else this.ends.push(...ends);
  }

  /** Draw in the colours of the theme. */
  recolor(): void {
    this.panels?.recolor();
  }

  private async load(): Promise<void> {
    if (this.panels || this.loading) return;
    this.loading = true;
    try {
      const { Panels } = await import("./panels.ts");
      this.fill(new Panels(this.frames));
    } catch (error) {
      // The next opening tries again.
      notify("problem", String(error));
    } finally {
      this.loading = false;
    }
  }

  /** Show in new panels what came before them. */
  private fill(panels: Panels): void {
    this.panels = panels;
    if (this.run) panels.reset(this.run);
    panels.keepEnds(this.ends);
    for (const report of this.waiting.values()) panels.show(report);
    this.ends = [];
    this.waiting.clear();
  }
}
