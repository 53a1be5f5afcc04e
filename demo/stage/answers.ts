// The answers of both networks to the drawing, large enough for a class.
import { make, setText } from "../ui/dom.ts";
import { percent } from "../ui/numbers.ts";

interface Answer {
  readonly label: HTMLElement;
  readonly sure: HTMLElement;
}

export class Answers {
  readonly element = make("div", "stage-answers");
  private classes: readonly string[] = [];
  private rows: Answer[] = [];

  /** Start over with these networks. */
  reset(names: readonly string[], classes: readonly string[]): void {
    this.classes = classes;
    this.rows = [];
    this.element.replaceChildren(
      ...names.map((name, lane) => {
        const label = make("strong", "stage-read", "–");
        const sure = make("span", "faint", "\u00a0");
        this.rows.push({ label, sure });
        return make("p", `stage-answer lane-${lane}`, make("span", "stage-lane", name), label, sure);
      }),
    );
  }

  /** Show the class probabilities of each network. */
  show(lanes: readonly ArrayLike<number>[]): void {
    this.rows.forEach(({ label, sure }, lane) => {
      const shares = Array.from(lanes[lane] ?? []);
      if (shares.length === 0) return;
      const best = shares.indexOf(Math.max(...shares));
      setText(label, this.classes[best] ?? String(best));
      setText(sure, percent(shares[best]));
    });
  }
}
