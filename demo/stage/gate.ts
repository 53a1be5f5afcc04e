// The bell curve of the weights, and the gate: a slider whose two edges are the final threshold D and its negative.

import { t } from "../texts/text.ts";
import { pictureCanvas, type Sheet, sheetOf } from "../ui/canvas.ts";
import { make, setText } from "../ui/dom.ts";
import { SLIDER_END, sliderOfThreshold, thresholdOfSlider } from "../ui/fields.ts";
import type { Frames } from "../ui/frames.ts";
import { short } from "../ui/numbers.ts";
import { theme } from "../ui/theme.ts";
import { AXIS_HEIGHT, drawValueAxis } from "../ui/value_axis.ts";
import { axisEnd } from "./axis_end.ts";
import type { Frame } from "./frame.ts";

const TOP = 26;
/** Share of the half axis that D takes at most, so that the edge can be moved outwards. */
const ROOM = 0.7;
/** Positions of the slider for each key. */
const KEYS: Readonly<Record<string, number>> = {
  ArrowRight: 2,
  ArrowUp: 2,
  ArrowLeft: -2,
  ArrowDown: -2,
  PageUp: 20,
  PageDown: -20,
  Home: Number.NEGATIVE_INFINITY,
  End: Number.POSITIVE_INFINITY,
};

export class Gate {
  readonly element: HTMLElement;
  private readonly canvas: HTMLCanvasElement;
  private readonly handle: HTMLElement;
  private readonly state: HTMLElement;
  private readonly frames: Frames;
  private readonly moved: (final: number) => void;
  private frame: Frame | null = null;
  private final = 0.1;
  private end = 0.125;
  private dragging = false;
  private enabled = false;

  /** `moved`: called with D at every move of the visitor. */
  constructor(frames: Frames, moved: (final: number) => void) {
    this.frames = frames;
    this.moved = moved;
    this.canvas = pictureCanvas("", "bell");
    this.handle = make("div", "gate-handle");
    this.handle.id = "gate";
    this.handle.setAttribute("role", "slider");
    this.handle.setAttribute("aria-label", t("stage.gate.label"));
    this.handle.setAttribute("aria-valuemin", "0");
    this.handle.setAttribute("aria-valuemax", String(thresholdOfSlider(SLIDER_END)));
    this.state = make("span", "faint");
    const title = make("h3", "stage-heading", `${t("stage.gate")} `, this.state);
    const area = make("div", "bell-area", this.canvas, this.handle);
    this.element = make("div", "stage-gate", title, area, make("p", "stage-note", t("stage.gate.note")));
    frames.add(this.canvas, () => {
      this.draw();
      return false;
    });
    this.bind(area);
    this.enable(false);
  }

  /** Let the visitor move the gate, or not: a recording and some methods have a fixed one. */
  enable(enabled: boolean): void {
    this.enabled = enabled;
    this.element.classList.toggle("fixed", !enabled);
    this.handle.tabIndex = enabled ? 0 : -1;
    this.handle.setAttribute("aria-disabled", String(!enabled));
    this.place();
  }

  focus(): void {
    this.handle.focus();
  }

  /** Start over with an axis for this D. */
  reset(final: number): void {
    this.frame = null;
    this.end = axisEnd(final / ROOM);
    this.setFinal(final);
  }

  setFinal(final: number): void {
    this.final = final;
    this.place();
    this.frames.mark(this.canvas);
  }

  show(frame: Frame): void {
    this.frame = frame;
    if (!this.dragging) this.end = Math.max(this.end, axisEnd(this.final / ROOM), axisEnd(frame.threshold / ROOM));
    this.place();
    this.frames.mark(this.canvas);
  }

  private bind(area: HTMLElement): void {
    const follow = (event: PointerEvent) => {
      const box = area.getBoundingClientRect();
      const share = Math.abs((2 * (event.clientX - box.left)) / box.width - 1);
      this.move(Math.min(1, share) * this.end);
    };
    area.addEventListener("pointerdown", (event) => {
      if (!this.enabled || event.button !== 0) return;
      this.dragging = true;
      area.setPointerCapture(event.pointerId);
      follow(event);
      this.handle.focus();
      event.preventDefault();
    });
    area.addEventListener("pointermove", (event) => {
      if (this.dragging) follow(event);
    });
    for (const end of ["pointerup", "pointercancel"] as const)
      area.addEventListener(end, () => {
        this.dragging = false;
        if (this.frame) this.show(this.frame);
      });
    this.handle.addEventListener("keydown", (event) => {
      const by = KEYS[event.key];
      if (by === undefined || !this.enabled) return;
      event.preventDefault();
      const position = Math.min(SLIDER_END, Math.max(0, sliderOfThreshold(this.final) + by));
      this.move(thresholdOfSlider(position));
      this.end = Math.max(this.end, axisEnd(this.final / ROOM));
    });
  }

  private move(final: number): void {
    const most = thresholdOfSlider(SLIDER_END);
    this.setFinal(Number(Math.min(most, Math.max(0, final)).toPrecision(3)));
    this.moved(this.final);
  }

  /** Put the handle at D and describe it. */
  private place(): void {
    const { final, frame, handle } = this;
    const share = Math.min(1, final / this.end);
    handle.style.left = `${50 + 50 * share}%`;
    handle.setAttribute("aria-valuenow", String(final));
    handle.setAttribute("aria-valuetext", t("stage.gate.value", { d: short(final) }));
    const d = short(frame?.threshold ?? 0);
    const isThere = Math.abs((frame?.threshold ?? 0) - final) < 0.005 * final;
    setText(
      this.state,
      this.enabled && !isThere ? t("stage.gate.now", { d, end: short(final) }) : t("stage.gate.fixed", { d }),
    );
    if (frame) this.canvas.setAttribute("aria-label", t("stage.gate.bell", { d }));
  }

  private draw(): void {
    const sheet = sheetOf(this.canvas);
    if (!sheet) return;
    const { frame, end } = this;
    if (frame) {
      this.band(sheet, frame.threshold);
      this.bars(sheet, frame);
    }
    this.edges(sheet);
    drawValueAxis(sheet, end, t("stage.gate.axis"));
  }

  private band({ context, width, height }: Sheet, threshold: number): void {
    const half = (Math.min(threshold, this.end) / this.end) * (width / 2);
    context.fillStyle = theme().band;
    context.fillRect(width / 2 - half, TOP - 8, 2 * half, height - AXIS_HEIGHT - TOP + 8);
  }

  /** Draw the counts on a square root scale, which keeps small ones visible: grey inside the gate, coloured outside. */
  private bars({ context, width, height }: Sheet, { counts, range, threshold }: Frame): void {
    const { lanes, faint } = theme();
    const most = Math.sqrt(Math.max(1, ...Array.from(counts)));
    const high = height - AXIS_HEIGHT - TOP;
    const bin = (2 * range) / counts.length;
    const at = (value: number) => ((value / this.end + 1) * width) / 2;
    Array.from(counts).forEach((n, i) => {
      if (n === 0) return;
      const left = -range + i * bin;
      const inside = Math.max(Math.abs(left), Math.abs(left + bin)) <= threshold + bin / 2;
      context.fillStyle = inside ? faint : lanes[0];
      const tall = Math.max(1, (high * Math.sqrt(n)) / most);
      context.fillRect(at(left), TOP + high - tall, Math.max(1, at(left + bin) - at(left) - 0.7), tall);
    });
  }

  /** Draw the edges of the gate at D and -D. */
  private edges({ context, width, height }: Sheet): void {
    const half = (Math.min(this.final, this.end) / this.end) * (width / 2);
    context.strokeStyle = theme().ink;
    context.lineWidth = 2;
    context.setLineDash(this.enabled ? [] : [4, 4]);
    context.beginPath();
    for (const x of [width / 2 - half, width / 2 + half]) {
      context.moveTo(x, TOP - 12);
      context.lineTo(x, height - AXIS_HEIGHT);
    }
    context.stroke();
    context.setLineDash([]);
  }
}
