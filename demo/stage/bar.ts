// The bar of controls: the buttons of the run, its speed, and the position in its film.
import type { Tempo } from "../shared/protocol.ts";
import { t } from "../texts/text.ts";
import { find, make, pressButton, setText } from "../ui/dom.ts";
import { count } from "../ui/numbers.ts";

const TEMPOS = { slow: "stage.tempo.slow", normal: "stage.tempo.normal", max: "stage.tempo.max" } as const;

interface BarEvents {
  tempo(tempo: Tempo): void;
  /** The visitor chose a position, as a step. */
  scrub(step: number): void;
  /** The button of the replay, or back to the live run. */
  replay(): void;
}

export class StageBar {
  readonly element: HTMLElement;
  private readonly scrubber = make("input");
  private readonly position = make("span", "stage-position");
  private readonly replayButton: HTMLButtonElement;
  private total = 1;

  constructor(events: BarEvents) {
    const { scrubber } = this;
    const replayButton = pressButton(t("stage.replay"), () => events.replay());
    this.replayButton = replayButton;
    scrubber.type = "range";
    scrubber.id = "scrub";
    scrubber.min = "0";
    scrubber.value = "0";
    scrubber.setAttribute("aria-label", t("stage.scrub"));
    scrubber.addEventListener("input", () => events.scrub(scrubber.valueAsNumber));
    replayButton.id = "replay";
    const select = make("select");
    select.id = "tempo";
    for (const [tempo, text] of Object.entries(TEMPOS)) select.append(new Option(t(text), tempo));
    select.value = "normal";
    select.addEventListener("change", () => events.tempo(select.value as Tempo));
    const label = make("label", "stage-tempo", `${t("stage.tempo")} `, select);
    const track = make("div", "stage-track", scrubber, this.position);
    // The buttons of the run are those of the page.
    this.element = make("div", "stage-bar", find(".run-bar"), label, replayButton, track);
    this.element.setAttribute("role", "group");
    this.element.setAttribute("aria-label", t("stage.controls"));
  }

  /** Set the steps of the run. */
  reset(total: number): void {
    this.total = total;
    this.scrubber.max = String(Math.max(1, total));
    this.show(0);
  }

  show(step: number): void {
    this.scrubber.value = String(step);
    const text = t("stage.scrub.value", { step: count(step), total: count(this.total) });
    this.scrubber.setAttribute("aria-valuetext", text);
    setText(this.position, text);
  }

  /** `replaying`: the button leads back to the live run. `possible`: there is a film of more than one frame. */
  setReplay(replaying: boolean, possible: boolean): void {
    setText(this.replayButton, t(replaying ? "stage.live" : "stage.replay"));
    this.replayButton.disabled = !possible;
    this.scrubber.disabled = !possible;
  }
}
