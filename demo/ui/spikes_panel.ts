// A spiking network on test pictures: spikes of some neurons, one neuron's potential, firing rates, operations.
import type { Report } from "../shared/protocol.ts";
import { t } from "../texts/text.ts";
import { pictureCanvas, sheetOf } from "./canvas.ts";
import { find, make, setText } from "./dom.ts";
import type { Frames } from "./frames.ts";
import { BarCell, laneHeading } from "./layers_panel.ts";
import { count, percent, times } from "./numbers.ts";
import { theme } from "./theme.ts";

type Spikes = Extract<Report, { kind: "spikes" }>;
type SpikeLayer = Spikes["layers"][number];

const GAP = 10;
const LABEL = 15;

export class SpikesPanel {
  private readonly frames: Frames;
  private readonly panel = find<HTMLElement>("#spikes-panel");
  private readonly host = find<HTMLElement>("#rasters");
  private readonly rates = find<HTMLTableElement>("#rates");
  private readonly operations = find<HTMLElement>("#operations");
  private names: readonly string[] = [];
  private canvases: { raster: HTMLCanvasElement; trace: HTMLCanvasElement }[] = [];
  private latest: (Spikes | null)[] = [];
  private described: number[] = [];

  constructor(frames: Frames) {
    this.frames = frames;
  }

  reset(names: readonly string[], spiking: boolean): void {
    for (const { raster, trace } of this.canvases) {
      this.frames.remove(raster);
      this.frames.remove(trace);
    }
    this.panel.hidden = !spiking;
    this.names = names;
    this.latest = names.map(() => null);
    this.described = names.map(() => 0);
    this.canvases = [];
    this.host.replaceChildren();
    this.rates.replaceChildren();
    setText(this.operations, "");
    if (!spiking) return;
    names.forEach((name, lane) => {
      const raster = pictureCanvas(t("spikes.before", { lane: name }), "raster");
      const trace = pictureCanvas(t("spikes.trace", { lane: name }), "trace");
      this.canvases.push({ raster, trace });
      this.frames.add(raster, () => {
        this.drawRaster(lane);
        return false;
      });
      this.frames.add(trace, () => {
        this.drawTrace(lane);
        return false;
      });
      const head = make("p", `lane-line lane-${lane}`, make("span", "swatch"), name);
      this.host.append(make("div", "layer-lane", head, raster, trace));
    });
  }

  update(report: Spikes): void {
    this.latest[report.lane] = report;
    const pair = this.canvases[report.lane];
    if (!pair) return;
    this.frames.mark(pair.raster);
    this.frames.mark(pair.trace);
    this.table();
    const lines = this.latest.flatMap((spikes, lane) =>
      spikes
        ? [
            t("spikes.operations", {
              lane: this.names[lane] ?? "",
              additions: count(spikes.synOps),
              macs: count(spikes.denseMacs),
              times: times(spikes.denseMacs / Math.max(1, spikes.synOps)),
            }),
          ]
        : [],
    );
    setText(this.operations, lines.join(" "));
  }

  private table(): void {
    const layers = this.latest.find((spikes) => spikes)?.layers ?? [];
    const first = make("th", "", t("spikes.neurons"));
    first.scope = "col";
    const head = make("tr", "", first, ...this.names.map(laneHeading));
    const rows = layers.map(({ name }, index) => {
      const title = make("th", "", name);
      title.scope = "row";
      const row = make("tr", "", title);
      this.latest.forEach((spikes, lane) => {
        const cell = new BarCell(lane);
        const rate = spikes?.layers[index]?.rate;
        cell.set(rate ?? 0, percent(rate));
        row.append(cell.cell);
      });
      return row;
    });
    this.rates.replaceChildren(make("thead", "", head), make("tbody", "", ...rows));
  }

  /** Draw lines between the test pictures. */
  private divide(context: CanvasRenderingContext2D, spikes: Spikes, width: number, top: number, bottom: number): void {
    const pictures = spikes.samples?.length ?? 1;
    context.fillStyle = theme().faint;
    for (let i = 1; i < pictures; i++) context.fillRect(Math.round((i / pictures) * width), top, 1, bottom - top);
  }

  /** Write the class of each picture and the predicted one. */
  private captions(context: CanvasRenderingContext2D, spikes: Spikes, width: number): void {
    const samples = spikes.samples ?? [];
    context.fillStyle = theme().ink;
    context.textAlign = "center";
    samples.forEach(({ label, predicted }, i) => {
      const text = label === predicted ? label : t("spikes.wrong", { label, predicted });
      context.fillText(text, ((i + 0.5) / samples.length) * width, 0, width / samples.length - 4);
    });
    context.textAlign = "left";
  }

  /** Draw time to the right and neurons downwards, one band per layer. */
  private drawRaster(lane: number): void {
    const spikes = this.latest[lane];
    const canvas = this.canvases[lane]?.raster;
    const sheet = canvas && sheetOf(canvas);
    if (!sheet || !spikes || spikes.layers.length === 0) return;
    const { context, width, height } = sheet;
    const { faint, line, lanes } = theme();
    const head = spikes.samples ? LABEL + 4 : 0;
    const band = (height - head) / spikes.layers.length;
    context.font = "12px system-ui, sans-serif";
    context.textBaseline = "top";
    this.captions(context, spikes, width);
    spikes.layers.forEach((layer, index) => {
      const top = head + index * band;
      context.fillStyle = faint;
      context.fillText(layer.name, 0, top);
      const high = band - LABEL - GAP / 2;
      context.strokeStyle = line;
      context.strokeRect(0.5, top + LABEL + 0.5, width - 1, high - 1);
      this.divide(context, spikes, width, top + LABEL, top + LABEL + high);
      context.fillStyle = lanes[lane === 0 ? 0 : 1];
      const wide = width / Math.max(1, layer.timeSteps);
      const each = high / Math.max(1, layer.neurons);
      for (let t = 0; t < layer.timeSteps; t++)
        for (let n = 0; n < layer.neurons; n++)
          if (layer.raster[t * layer.neurons + n])
            context.fillRect(t * wide + wide * 0.15, top + LABEL + n * each, wide * 0.7, Math.max(1, each - 0.5));
    });
    this.describe(lane, spikes);
  }

  private drawTrace(lane: number): void {
    const spikes = this.latest[lane];
    const layer = spikes?.layers.find(({ potential }) => potential !== null);
    const canvas = this.canvases[lane]?.trace;
    const sheet = canvas && sheetOf(canvas);
    if (!sheet || !spikes || !layer?.potential) return;
    const { context, width, height } = sheet;
    this.divide(context, spikes, width, LABEL, height);
    const { faint, line, lanes } = theme();
    const { potential } = layer;
    const top = Math.max(1.2, ...potential);
    const low = Math.min(0, ...potential);
    const y = (value: number) => LABEL + (height - LABEL - 4) * (1 - (value - low) / (top - low));
    const x = (t: number) => ((t + 0.5) / potential.length) * width;
    context.font = "12px system-ui, sans-serif";
    context.textBaseline = "top";
    context.fillStyle = faint;
    context.fillText(t("spikes.potential", { layer: layer.name }), 0, 0);
    context.strokeStyle = line;
    context.lineWidth = 1.5;
    context.beginPath();
    context.moveTo(0, y(1));
    context.lineTo(width, y(1));
    context.stroke();
    context.strokeStyle = lanes[lane === 0 ? 0 : 1];
    context.lineWidth = 2;
    context.beginPath();
    potential.forEach((value, t) => {
      context.lineTo(x(t), y(value));
    });
    context.stroke();
    context.fillStyle = context.strokeStyle;
    potential.forEach((value, t) => {
      context.beginPath();
      context.arc(x(t), y(value), 3.5, 0, 2 * Math.PI);
      context.fill();
    });
  }

  private describe(lane: number, spikes: Spikes): void {
    const now = performance.now();
    if (now - (this.described[lane] || -1e9) < 10_000) return;
    this.described[lane] = now;
    const rates = spikes.layers.map(({ name, rate }: SpikeLayer) => `${name} ${percent(rate)}`).join(", ");
    this.canvases[lane]?.raster.setAttribute("aria-label", t("spikes.label", { lane: this.names[lane] ?? "", rates }));
  }
}
