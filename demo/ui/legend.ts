// The line below a plot: colour, name and numbers of each lane.
import { make, setText } from "./dom.ts";

export class Legend {
  private readonly host: HTMLElement;
  private head = make("span", "legend-head");
  private texts: HTMLElement[] = [];

  constructor(host: HTMLElement) {
    this.host = host;
  }

  reset(names: readonly string[]): void {
    this.head = make("span", "legend-head");
    this.texts = names.map(() => make("span", "legend-value"));
    const lanes = this.texts.map((text, lane) =>
      make("span", `legend-lane lane-${lane}`, make("span", "swatch"), `${names[lane]} `, text),
    );
    this.host.replaceChildren(this.head, ...lanes);
  }

  set(head: string, values: readonly string[]): void {
    setText(this.head, head);
    this.texts.forEach((text, lane) => {
      setText(text, values[lane] ?? "");
    });
  }

  /** The legend as one text, for screen readers. */
  get text(): string {
    return [...this.host.children].map((child) => child.textContent).join(". ");
  }
}
