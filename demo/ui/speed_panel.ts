// Images per second of a network by dense and sparse kernels and compacted, and the bytes of its files.
import type { Command, Lane, SpeedFacts } from "../shared/protocol.ts";
import { named, t } from "../texts/text.ts";
import { find, make, setText } from "./dom.ts";
import { BarCell } from "./layers_panel.ts";
import { bytes, count, times } from "./numbers.ts";

const heading = (scope: "col" | "row", text: string): HTMLTableCellElement => {
  const cell = make("th", "", text);
  cell.scope = scope;
  return cell;
};

/** Make a row with a bar. */
function row(name: string, share: number, text: string): HTMLTableRowElement {
  const bar = new BarCell("all");
  bar.set(share, text);
  return make("tr", "", heading("row", name), bar.cell);
}

/** Make the head of a table whose second column has bars. */
const head = (first: string, second: string): HTMLTableSectionElement =>
  make("thead", "", make("tr", "", heading("col", first), heading("col", second)));

export class SpeedPanel {
  private readonly button = find<HTMLButtonElement>("#measure-speed");
  private readonly state = find<HTMLElement>("#speed-state");
  private readonly rates = find<HTMLElement>("#speed-rates");
  private readonly files = find<HTMLTableElement>("#speed-files");
  private names: readonly string[] = [];

  /** `lane`: the network that is chosen for files. */
  constructor(send: (command: Command) => void, lane: () => Lane) {
    this.button.addEventListener("click", () => {
      this.button.disabled = true;
      setText(this.state, t("speed.measuring"));
      send({ kind: "speed", lane: lane() });
    });
  }

  reset(names: readonly string[]): void {
    this.names = names;
    this.fail("");
    this.rates.replaceChildren();
    this.files.replaceChildren();
  }

  /** Show why there is no result. */
  fail(reason: string): void {
    this.button.disabled = false;
    setText(this.state, reason);
  }

  show(lane: Lane, { batches, rows, files, notes }: SpeedFacts): void {
    const sparse = rows.find(({ kernels }) => kernels !== "")?.kernels ?? "";
    this.fail([t("speed.kernels", { lane: this.names[lane] ?? "", kernels: sparse }), ...notes].join(" "));
    this.rates.replaceChildren(
      ...batches.map((batch, at) => {
        const most = Math.max(...rows.map(({ rates }) => rates[at]!));
        const body = rows.map(({ name, rates, speedups }, i) => {
          const rate = count(rates[at]);
          const text = i === 0 ? rate : t("speed.ratio", { rate, times: times(speedups[at]) });
          return row(named("form", name), rates[at]! / most, text);
        });
        const table = make(
          "table",
          "bars",
          head(batch === 1 ? t("speed.one") : t("speed.batch", { n: batch }), t("speed.rate")),
        );
        table.setAttribute("aria-label", t("speed.rates", { n: batch }));
        table.append(make("tbody", "", ...body));
        return table;
      }),
    );
    const most = Math.max(...files.map((file) => file.bytes));
    const sizes = files.map((file) => row(named("file", file.layout), file.bytes / most, bytes(file.bytes)));
    this.files.replaceChildren(head(t("speed.file"), t("speed.size")), make("tbody", "", ...sizes));
  }
}
