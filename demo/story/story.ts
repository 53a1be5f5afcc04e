// The story: one caption for each stage of a run, with its numbers, and links to runs worth a look. It follows the run until the
// visitor turns the pages: with buttons, arrow keys or by a swipe.
import type { LayerInfo } from "../shared/protocol.ts";
import { t } from "../texts/text.ts";
import { make, pressButton, setText } from "../ui/dom.ts";
import type { History } from "../ui/history.ts";
import { volume } from "../ui/layer_map.ts";
import { count, percent, short } from "../ui/numbers.ts";
import { PRESET_NAMES } from "./presets.ts";
import { STEPS, type StoryState, stepReached } from "./steps.ts";

/** Least distance of a swipe, in CSS pixels. */
const SWIPE = 40;

/** Return the state of a run for the story: of its first network. */
export function storyOf(
  { step, finished }: Pick<StoryState, "step" | "finished">,
  lane: History | undefined,
  layers: readonly LayerInfo[] = [],
): StoryState {
  return {
    step,
    finished,
    left: 1 - (lane?.last?.sparsity ?? 0),
    accuracy: lane?.tests().at(-1)?.accuracy ?? null,
    threshold: lane?.last?.threshold ?? 0,
    weights: layers.reduce((n, { shape }) => n + volume(shape), 0),
  };
}

export class Story {
  private readonly host: HTMLElement;
  private readonly title = make("h3", "story-title");
  private readonly text = make("p", "story-text");
  private readonly page = make("span", "faint");
  private readonly back = pressButton(t("story.back"), () => this.turn(-1));
  private readonly next = pressButton(t("story.next"), () => this.turn(1));
  private readonly follow = pressButton(t("story.follow"), () => this.followRun());
  private state: StoryState = { step: 0, finished: false, left: 1, accuracy: null, threshold: 0, weights: 0 };
  /** Page that the visitor has chosen; null: the one that fits the run. */
  private chosen: number | null = null;

  constructor(host: HTMLElement) {
    this.host = host;
    const presets = make("ul", "presets");
    for (const name of PRESET_NAMES) {
      const link = make("a", "", t(`preset.${name}`));
      link.href = `#preset=${name}`;
      link.title = t(`preset-note.${name}`);
      presets.append(make("li", "", link));
    }
    const caption = make("div", "story-caption", this.title, this.text);
    const buttons = make("div", "row", this.back, this.page, this.next, this.follow);
    host.append(caption, buttons, make("p", "story-try", t("story.presets")), presets);
    host.addEventListener("keydown", (event) => {
      if (event.key === "ArrowLeft") this.turn(-1);
      else if (event.key === "ArrowRight") this.turn(1);
    });
    this.bindSwipe(caption);
    this.show();
  }

  /** Show the state of the run. */
  update(state: StoryState): void {
    this.state = state;
    this.show();
  }

  private get index(): number {
    return this.chosen ?? stepReached(this.state);
  }

  private turn(by: number): void {
    this.chosen = Math.min(STEPS.length - 1, Math.max(0, this.index + by));
    this.show();
    // The focus stays in the story if its button is disabled now.
    if (document.activeElement === document.body) (by > 0 ? this.back : this.next).focus();
  }

  private followRun(): void {
    this.chosen = null;
    this.show();
    this.next.focus();
  }

  private bindSwipe(element: HTMLElement): void {
    let from: number | null = null;
    element.addEventListener("pointerdown", (event) => {
      from = event.clientX;
    });
    element.addEventListener("pointerup", (event) => {
      const by = from === null ? 0 : event.clientX - from;
      from = null;
      if (Math.abs(by) > SWIPE) this.turn(by < 0 ? 1 : -1);
    });
  }

  private show(): void {
    const { index, state } = this;
    const name = STEPS[index]!;
    this.host.dataset["step"] = name;
    setText(this.title, t(`story-title.${name}`));
    const values = {
      weights: count(state.weights || null),
      left: percent(state.left),
      gone: percent(1 - state.left),
      accuracy: percent(state.accuracy),
      threshold: short(state.threshold),
    };
    setText(this.text, t(`story-text.${name}`, values));
    setText(this.page, t("story.page", { n: index + 1, of: STEPS.length }));
    this.back.disabled = index === 0;
    this.next.disabled = index === STEPS.length - 1;
    this.follow.hidden = this.chosen === null;
  }
}
