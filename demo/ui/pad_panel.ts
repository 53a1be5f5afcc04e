// The drawing pad, and the class that each network predicts for it.
import type { Command, Report } from "../shared/protocol.ts";
import { t } from "../texts/text.ts";
import { atMostEvery, find, make, setText } from "./dom.ts";
import { BarCell, laneHeading } from "./layers_panel.ts";
import { announce, notify } from "./messages.ts";
import { percent } from "./numbers.ts";

/** Side of the pad and width of the pen, in pixels. */
const SIDE = 140;
const PEN = 13;
/** Greatest number of classes in the table. */
const LISTED = 10;

/** Load the code of cameras and picture files, which most visitors do not use. */
const photos = () => import("./photo.ts");

type Classified = Extract<Report, { kind: "classified" }>;
type Sample = Extract<Report, { kind: "sample" }>;

/** Return the classes to list: all if they are few, else the most likely of any lane. */
function listedClasses(classes: readonly string[], lanes: readonly ArrayLike<number>[]): number[] {
  const all = classes.map((_, i) => i);
  if (all.length <= LISTED) return all;
  const best = (i: number) => Math.max(...lanes.map((lane) => lane[i] ?? 0));
  return all
    .sort((a, b) => best(b) - best(a))
    .slice(0, LISTED)
    .sort((a, b) => a - b);
}

export class PadPanel {
  private readonly send: (command: Command) => void;
  private readonly canvas = find<HTMLCanvasElement>("#pad");
  private readonly context: CanvasRenderingContext2D;
  private readonly table = find<HTMLTableElement>("#probabilities");
  private readonly answer = find<HTMLElement>("#answer");
  private readonly sampleButton = find<HTMLButtonElement>("#sample");
  private classes: readonly string[] = [];
  private names: readonly string[] = [];
  /** The test picture on the pad, until the visitor draws on it. */
  private sample: Sample | null = null;
  private inked = false;
  private id = 0;
  private askedAt = Number.NEGATIVE_INFINITY;
  private answered = true;
  private stale = false;
  private announceNext = false;
  private readonly soon: () => void;

  constructor(send: (command: Command) => void) {
    this.send = send;
    this.canvas.width = SIDE;
    this.canvas.height = SIDE;
    const context = this.canvas.getContext("2d", { willReadFrequently: true });
    if (!context) throw new Error("this browser has no 2D canvas");
    this.context = context;
    this.soon = atMostEvery(150, () => this.classify());
    this.wipe();
    this.bindPointer();
    find("#clear").addEventListener("click", () => this.clear());
    find("#camera").addEventListener("click", () => {
      this.takePhoto().catch((error: unknown) => {
        notify("problem", t("camera.none", { reason: error instanceof Error ? error.message : String(error) }));
      });
    });
    this.sampleButton.addEventListener("click", () => {
      this.id++;
      this.send({ kind: "sample", id: this.id });
    });
  }

  reset(names: readonly string[], classes: readonly string[]): void {
    this.names = names;
    this.classes = classes;
    this.answered = true;
    this.table.replaceChildren();
    this.list(names.map(() => []));
    if (this.inked) this.soon();
  }

  /** Classify again after the networks have changed, without announcing it. */
  refresh(): void {
    if (this.inked) this.soon();
  }

  showSample(report: Sample): void {
    if (report.id !== this.id || report.pixels.length !== report.size ** 2) return;
    this.sample = report;
    this.inked = true;
    this.announceNext = true;
    const image = new ImageData(report.size, report.size);
    const pixels = new Uint32Array(image.data.buffer);
    report.pixels.forEach((grey, i) => {
      pixels[i] = (0xff000000 | (grey * 0x10101)) >>> 0;
    });
    const small = make("canvas");
    small.width = report.size;
    small.height = report.size;
    small.getContext("2d")?.putImageData(image, 0, 0);
    this.context.imageSmoothingEnabled = false;
    this.context.drawImage(small, 0, 0, SIDE, SIDE);
    this.canvas.setAttribute("aria-label", t("pad.sample", { label: report.label }));
    this.soon();
  }

  showAnswer(report: Classified): void {
    if (report.id !== this.id) return;
    this.answered = true;
    const lanes = report.lanes.map(({ probabilities }) => probabilities);
    this.list(lanes);
    const answers = report.lanes.map(({ method, probabilities }) => {
      const best = probabilities.indexOf(Math.max(...probabilities));
      const label = this.classes[best] ?? String(best);
      return t("pad.answer", { lane: method, label, share: percent(probabilities[best]) });
    });
    const truth = this.sample ? t("pad.truth", { label: this.sample.label }) : "";
    setText(this.answer, truth + answers.join(" · "));
    if (this.announceNext) announce(truth + answers.join(". "), true);
    this.announceNext = false;
    if (this.stale) this.soon();
  }

  /** Classify a picture file that shows a digit. Rejects if the browser cannot read it. */
  async showFile(file: Blob): Promise<void> {
    const { inkOfFile } = await photos();
    this.showInk(await inkOfFile(file, SIDE));
  }

  private async takePhoto(): Promise<void> {
    const { inkOfCamera } = await photos();
    const ink = await inkOfCamera(SIDE);
    if (ink) this.showInk(ink);
  }

  /** Show ink as if it were drawn. */
  private showInk(ink: Uint8Array): void {
    this.clear();
    const image = new ImageData(SIDE, SIDE);
    const pixels = new Uint32Array(image.data.buffer);
    ink.forEach((grey, i) => {
      pixels[i] = (0xff000000 | (grey * 0x10101)) >>> 0;
    });
    this.context.putImageData(image, 0, 0);
    this.canvas.setAttribute("aria-label", t("pad.picture"));
    this.inked = true;
    this.announceNext = true;
    this.soon();
  }

  private wipe(): void {
    this.context.fillStyle = "#000";
    this.context.fillRect(0, 0, SIDE, SIDE);
  }

  private clear(): void {
    this.wipe();
    this.sample = null;
    this.inked = false;
    this.id++;
    this.answered = true;
    this.canvas.setAttribute("aria-label", t("pad.label"));
    setText(this.answer, t("pad.empty"));
    this.list(this.names.map(() => []));
  }

  private bindPointer(): void {
    const { canvas, context } = this;
    let last: { x: number; y: number } | null = null;
    const position = (event: PointerEvent) => {
      const box = canvas.getBoundingClientRect();
      return { x: ((event.clientX - box.left) / box.width) * SIDE, y: ((event.clientY - box.top) / box.height) * SIDE };
    };
    const line = (to: { x: number; y: number }) => {
      context.strokeStyle = "#fff";
      context.lineWidth = PEN;
      context.lineCap = "round";
      context.lineJoin = "round";
      context.beginPath();
      context.moveTo(last?.x ?? to.x, last?.y ?? to.y);
      context.lineTo(to.x, to.y);
      context.stroke();
      last = to;
      this.inked = true;
    };
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      // A drawing replaces a test picture.
      if (this.sample) this.clear();
      canvas.setPointerCapture(event.pointerId);
      canvas.setAttribute("aria-label", t("pad.drawing"));
      last = null;
      line(position(event));
      this.soon();
      event.preventDefault();
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!last) return;
      const events = event.getCoalescedEvents?.() ?? [];
      for (const part of events.length > 0 ? events : [event]) line(position(part));
      this.soon();
    });
    for (const end of ["pointerup", "pointercancel"] as const)
      canvas.addEventListener(end, () => {
        if (last) this.announceNext = true;
        last = null;
        this.soon();
      });
  }

  private classify(): void {
    if (!this.inked) return;
    // One request at a time; wait at most four seconds for its answer.
    if (!this.answered && performance.now() - this.askedAt < 4000) {
      this.stale = true;
      return;
    }
    const picture = this.sample ?? { pixels: this.drawn(), size: SIDE };
    if (!picture.pixels) return;
    this.stale = false;
    this.answered = false;
    this.askedAt = performance.now();
    this.id++;
    this.send({ kind: "classify", id: this.id, pixels: picture.pixels, size: picture.size });
  }

  private drawn(): Uint8Array | null {
    const { data } = this.context.getImageData(0, 0, SIDE, SIDE);
    const grey = new Uint8Array(SIDE * SIDE);
    for (let i = 0; i < grey.length; i++) grey[i] = data[i * 4]!;
    // A stroke along the edge may leave no ink.
    return grey.some((value) => value > 127) ? grey : null;
  }

  private list(lanes: readonly ArrayLike<number>[]): void {
    const first = make("th", "", t("pad.class"));
    first.scope = "col";
    const head = make("tr", "", first, ...this.names.map(laneHeading));
    const rows = listedClasses(this.classes, lanes).map((index) => {
      const title = make("th", "", this.classes[index] ?? String(index));
      title.scope = "row";
      const row = make("tr", "", title);
      this.names.forEach((_, lane) => {
        const cell = new BarCell(lane);
        const share = lanes[lane]?.[index];
        cell.set(share ?? 0, percent(share));
        row.append(cell.cell);
      });
      return row;
    });
    this.table.replaceChildren(make("thead", "", head), make("tbody", "", ...rows));
  }
}
