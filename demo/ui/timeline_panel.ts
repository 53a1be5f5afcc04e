// The kernels of one training step: a strip over time, and a table of the longest ones.
import { t } from "../texts/text.ts";
import { pictureCanvas, sheetOf } from "./canvas.ts";
import { find, make, setText } from "./dom.ts";
import type { Frames } from "./frames.ts";
import { type KernelRow, type KernelSum, sumKernels } from "./kernel_sums.ts";
import { count, milliseconds } from "./numbers.ts";
import { theme } from "./theme.ts";

const SHOWN = 12;

export class TimelinePanel {
  private readonly strip = pictureCanvas(t("timeline.strip"), "strip");
  private readonly summary = find<HTMLElement>("#timeline-summary");
  private readonly table = find<HTMLTableElement>("#kernels");
  private rows: readonly KernelRow[] = [];
  private readonly frames: Frames;

  constructor(frames: Frames) {
    this.frames = frames;
    find<HTMLElement>("#timeline").append(this.strip);
    frames.add(this.strip, () => {
      this.draw();
      return false;
    });
  }

  reset(): void {
    this.rows = [];
    this.table.replaceChildren();
    setText(this.summary, t("timeline.none"));
    this.frames.mark(this.strip);
  }

  update(rows: readonly KernelRow[]): void {
    this.rows = rows;
    this.frames.mark(this.strip);
  }

  private draw(): void {
    const { rows } = this;
    const sheet = sheetOf(this.strip);
    const sums = sumKernels(rows);
    const total = sums.reduce((all, { ms }) => all + (ms ?? 0), 0);
    const timed = total > 0;
    if (rows.length > 0) {
      const counts = { dispatches: rows.length, kernels: sums.length };
      const summary = timed
        ? t("timeline.timed", { ...counts, time: milliseconds(total) })
        : t("timeline.untimed", counts);
      setText(this.summary, summary);
      this.list(sums, timed);
    }
    if (!sheet) return;
    const { context, width, height } = sheet;
    const { lanes, line } = theme();
    // The longest kernels get shades of one colour, all others are grey.
    const tones = new Map(sums.slice(0, SHOWN).map(({ kernel }, i) => [kernel, 1 - (i / SHOWN) * 0.75]));
    let x = 0;
    for (const { kernel, ms } of rows) {
      const wide = width * (timed ? (ms ?? 0) / total : 1 / rows.length);
      const tone = tones.get(kernel);
      context.globalAlpha = tone ?? 1;
      context.fillStyle = tone === undefined ? line : lanes[0];
      context.fillRect(x, 0, Math.max(0.5, wide - (wide > 3 ? 1 : 0)), height);
      x += wide;
    }
    context.globalAlpha = 1;
  }

  private list(sums: readonly KernelSum[], timed: boolean): void {
    const cell = (tag: "th" | "td", text: string, scope?: string): HTMLTableCellElement => {
      const made = make(tag, "", text);
      if (scope) made.scope = scope;
      return made;
    };
    const head = make("tr", "", cell("th", t("timeline.kernel"), "col"), cell("th", t("timeline.dispatches"), "col"));
    if (timed) head.append(cell("th", t("timeline.time"), "col"));
    const rows = sums.slice(0, SHOWN).map(({ kernel, dispatches, ms }) => {
      const row = make("tr", "", cell("th", kernel, "row"), cell("td", count(dispatches)));
      if (timed) row.append(cell("td", milliseconds(ms)));
      return row;
    });
    const rest = sums.slice(SHOWN);
    if (rest.length > 0) {
      const dispatches = rest.reduce((all, sum) => all + sum.dispatches, 0);
      const row = make(
        "tr",
        "faint",
        cell("th", t("timeline.more", { n: rest.length }), "row"),
        cell("td", count(dispatches)),
      );
      if (timed) row.append(cell("td", milliseconds(rest.reduce((all, sum) => all + (sum.ms ?? 0), 0))));
      rows.push(row);
    }
    this.table.replaceChildren(make("thead", "", head), make("tbody", "", ...rows));
  }
}
