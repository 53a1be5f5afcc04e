// Progress of the run, and a card with the main numbers of each lane.
import { t } from "../texts/text.ts";
import { find, make, setText } from "./dom.ts";
import type { History } from "./history.ts";
import { bytes, count, percent, short } from "./numbers.ts";

interface Card {
  readonly accuracy: HTMLElement;
  readonly sparsity: HTMLElement;
  readonly size: HTMLElement;
  readonly speed: HTMLElement;
}

export class StatsPanel {
  private readonly cards = find<HTMLElement>("#lane-cards");
  private readonly bar = find<HTMLProgressElement>("#progress");
  private readonly where = find<HTMLElement>("#where");
  private lanes: Card[] = [];
  private names: readonly string[] = [];
  private total = 0;
  private perEpoch = 0;

  reset(names: readonly string[], methods: readonly string[], totalSteps: number, stepsPerEpoch: number): void {
    this.names = names;
    this.total = totalSteps;
    this.perEpoch = stepsPerEpoch;
    this.bar.max = Math.max(1, totalSteps);
    this.lanes = [];
    this.cards.replaceChildren(...names.map((name, lane) => this.card(name, methods[lane] ?? "", lane)));
    this.showStep(0);
  }

  showStep(step: number): void {
    this.bar.value = step;
    const epoch = this.perEpoch > 0 ? Math.min(this.total, step) / this.perEpoch : 0;
    setText(this.where, t("overview.where", { step: count(step), total: count(this.total), epoch: epoch.toFixed(1) }));
  }

  update(lane: number, history: History): void {
    const card = this.lanes[lane];
    if (!card) return;
    setText(card.accuracy, percent(history.latest("testAccuracy")));
    setText(card.sparsity, percent(history.last?.sparsity));
    setText(card.speed, short(Math.round(history.latest("imagesPerSecond") ?? Number.NaN)));
  }

  showSize(lane: number, sparseBytes: number): void {
    const card = this.lanes[lane];
    if (card) setText(card.size, bytes(sparseBytes));
  }

  /** Return the state as one text, for screen readers. */
  summary(step: number, histories: readonly History[], state: string): string {
    const lanes = histories.map((history, lane) => {
      const accuracy = percent(history.latest("testAccuracy"));
      const zeros = percent(history.last?.sparsity);
      return t("overview.lane", { name: this.names[lane] ?? "", accuracy, zeros });
    });
    const run = { state, step: count(step), total: count(this.total) };
    return t("overview.summary", { ...run, lanes: lanes.join(". ") });
  }

  private card(name: string, method: string, lane: number): HTMLElement {
    const number = (label: string): [HTMLElement, HTMLElement] => {
      const value = make("dd", "", "–");
      return [make("div", "", make("dt", "", label), value), value];
    };
    const [accuracyRow, accuracy] = number(t("card.accuracy"));
    const [sparsityRow, sparsity] = number(t("card.zeros"));
    const [sizeRow, size] = number(t("card.size"));
    const [speedRow, speed] = number(t("card.speed"));
    this.lanes.push({ accuracy, sparsity, size, speed });
    const list = make("dl", "numbers-row", accuracyRow, sparsityRow, sizeRow, speedRow);
    const title = make(
      "h2",
      "card-title",
      make("span", "swatch"),
      make("span", "card-name", name),
      make("span", "card-method", method),
    );
    return make("section", `card lane-${lane}`, title, list);
  }
}
