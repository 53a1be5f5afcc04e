// Sparsity of each layer and size of the model, as tables with bars.
import type { LayerInfo, LayerPicture } from "../shared/protocol.ts";
import { t } from "../texts/text.ts";
import { find, make, setText } from "./dom.ts";
import { layerNames } from "./layer_names.ts";
import { bytes, percent, times } from "./numbers.ts";

/** A table cell with a bar and its number. */
export class BarCell {
  readonly cell: HTMLTableCellElement;
  private readonly fill: HTMLElement;
  private readonly text: HTMLElement;

  constructor(lane: number | "all") {
    this.fill = make("span", `fill lane-${lane}`);
    this.text = make("span", "bar-text", "–");
    const bar = make("span", "bar", this.fill);
    bar.setAttribute("aria-hidden", "true");
    this.cell = make("td", "bar-cell", make("div", "bar-line", bar, this.text));
  }

  /** Set the bar's length, 0 to 1, and its text. */
  set(share: number, text: string): void {
    this.fill.style.width = `${(Math.min(1, Math.max(0, share || 0)) * 100).toFixed(2)}%`;
    setText(this.text, text);
  }
}

interface Built {
  readonly method: string;
  readonly layers: readonly LayerInfo[];
  readonly denseBytes: number;
}

const heading = (scope: "col" | "row", ...children: (Node | string)[]): HTMLTableCellElement => {
  const cell = make("th", "", ...children);
  cell.scope = scope;
  return cell;
};

export const laneHeading = (method: string, lane: number): HTMLTableCellElement =>
  heading("col", make("span", `swatch lane-${lane}`), method);

/** Return the size of a file, and how much smaller it is than the one with every weight, if it is. */
export function sizeText(size: number, every: number): string {
  const ratio = every / size;
  if (ratio >= 1.05) return t("size.smaller", { bytes: bytes(size), times: times(ratio) });
  return t(size > every ? "size.larger" : "size.same", { bytes: bytes(size) });
}

/** Return the name of a layer with line breaks allowed after dots. */
const breakable = (name: string): (Node | string)[] =>
  name.split(/(?<=\.)/).flatMap((part, i) => (i === 0 ? [part] : [make("wbr"), part]));

export class LayersPanel {
  private readonly table = find<HTMLTableElement>("#layer-bars");
  private readonly sizes = find<HTMLTableElement>("#size-bars");
  private lanes: readonly Built[] = [];
  private cells: BarCell[][] = [];
  private sparse: BarCell[] = [];

  reset(lanes: readonly Built[]): void {
    this.lanes = lanes;
    const head = make(
      "tr",
      "",
      heading("col", t("layers.layer")),
      ...lanes.map(({ method }, i) => laneHeading(method, i)),
    );
    this.cells = lanes.map(() => []);
    const layers = lanes[0]?.layers ?? [];
    const names = layerNames(layers);
    const rows = layers.map(({ name }, i) => {
      const key = make("span", "faint key", ...breakable(name));
      const row = make("tr", "", heading("row", `${names[i]} `, key));
      lanes.forEach((_, lane) => {
        const cell = new BarCell(lane);
        this.cells[lane]?.push(cell);
        row.append(cell.cell);
      });
      return row;
    });
    this.table.replaceChildren(make("thead", "", head), make("tbody", "", ...rows));
    this.resetSizes();
  }

  update(lane: number, layers: readonly LayerPicture[], sparseBytes: number): void {
    layers.forEach((picture, index) => {
      const share = picture.weights.length > 0 ? picture.zeros / picture.weights.length : 0;
      this.cells[lane]?.[index]?.set(share, percent(share));
    });
    const dense = this.lanes[lane]?.denseBytes ?? 0;
    const most = Math.max(1, ...this.lanes.map((l) => l.denseBytes));
    this.sparse[lane]?.set(sparseBytes / most, sizeText(sparseBytes, dense));
  }

  private resetSizes(): void {
    const dense = this.lanes[0]?.denseBytes ?? 0;
    const all = new BarCell("all");
    const most = Math.max(1, ...this.lanes.map((l) => l.denseBytes));
    all.set(dense / most, bytes(dense));
    const body = make("tbody", "", make("tr", "", heading("row", t("size.every")), all.cell));
    this.sparse = this.lanes.map(({ method }, lane) => {
      const cell = new BarCell(lane);
      body.append(make("tr", "", heading("row", t("size.lane", { lane: method })), cell.cell));
      return cell;
    });
    this.sizes.replaceChildren(body);
  }
}
