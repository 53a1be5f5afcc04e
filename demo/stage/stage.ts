// The stage, first on the page: the network that empties, the gate, two numbers, the pad, and one bar of controls. It shows
// the recorded run until the live one begins, then the live one, or the film of it.
import type { Report, Tempo } from "../shared/protocol.ts";
import type { TextKey } from "../texts/en.ts";
import { t } from "../texts/text.ts";
import { find, make, pressButton, setText } from "../ui/dom.ts";
import type { Frames } from "../ui/frames.ts";
import { volume } from "../ui/layer_map.ts";
import { announce } from "../ui/messages.ts";
import { count, percent, UNKNOWN } from "../ui/numbers.ts";
import { mayMove } from "../ui/theme.ts";
import { Answers } from "./answers.ts";
import { StageBar } from "./bar.ts";
import { Film } from "./film.ts";
import { type Frame, frameOf, largestOf } from "./frame.ts";
import { Gate } from "./gate.ts";
import { MapView } from "./map_view.ts";
import { Player } from "./player.ts";
import { fetchRecording, type Recording } from "./recording.ts";
import { collapsed, endSentence } from "./verdict.ts";

type Of<K extends Report["kind"]> = Extract<Report, { kind: K }>;

/** Duration of a replay, in ms, and the pause before the recording begins again. */
const REPLAY_MS = 25_000;
const REST_MS = 6000;

interface StageEvents {
  /** The visitor moved the gate. */
  threshold(final: number): void;
  tempo(tempo: Tempo): void;
  /** The visitor asked for a new run. */
  again(): void;
}

/** Facts of the run on the stage. */
interface Facts {
  readonly totalSteps: number;
  readonly weights: number;
  readonly denseBytes: number;
  readonly classes: number;
  readonly lanes: number;
}

export class Stage {
  private readonly events: StageEvents;
  private readonly map: MapView;
  private readonly gate: Gate;
  private readonly bar: StageBar;
  private readonly answers = new Answers();
  private readonly player = new Player();
  private readonly left = make("output", "stage-value", "100 %");
  private readonly accuracy = make("output", "stage-value", "–");
  private readonly beside = make("p", "stage-beside");
  private readonly caption = make("p", "stage-caption");
  private readonly badge = make("span", "stage-badge");
  private readonly next = make("div", "stage-next");
  /** Film and facts of the recorded run and of the live one. */
  private recording: Recording | null = null;
  private readonly film = new Film();
  private facts: Facts | null = null;
  private largest = 0;
  private shape: readonly number[] = [];
  private final = 0;
  private latest: (number | null)[] = [];
  private best = 0;
  /** True once the visitor, or the page, has begun the live run. */
  private live = false;
  /** Step of the film on the stage; null: the latest frame. */
  private at: number | null = null;
  private state = { running: false, finished: false, step: 0 };
  private movable = false;
  private noGpu = false;
  /** Command of the visitor that the worker has not answered yet. */
  private waiting: "run" | "step" | null = null;
  private warned = false;
  private rest = 0;

  constructor(frames: Frames, events: StageEvents) {
    this.events = events;
    this.map = new MapView(frames);
    this.gate = new Gate(frames, (final) => {
      this.begin();
      events.threshold(final);
    });
    this.bar = new StageBar({
      tempo: events.tempo,
      scrub: (step) => this.scrub(step),
      replay: () => this.replay(),
    });
    this.build(find<HTMLElement>("#stage"));
    this.refresh();
  }

  private build(host: HTMLElement): void {
    const heading = (text: TextKey) => make("h3", "stage-heading", t(text));
    this.badge.hidden = true;
    this.caption.id = "stage-caption";
    this.left.id = "stage-left";
    this.accuracy.id = "stage-accuracy";
    const number = (label: TextKey, value: HTMLElement, ...more: HTMLElement[]) =>
      make("div", "stage-number", make("p", "stage-label", t(label)), value, ...more);
    const numbers = make(
      "div",
      "stage-numbers",
      number("stage.left", this.left, make("p", "stage-beside", "\u00a0")),
      number("stage.accuracy", this.accuracy, this.beside),
    );
    const title = make("h3", "stage-heading", `${t("stage.map")} `, this.badge);
    const picture = make("div", "stage-picture", title, make("div", "stage-frame", this.map.canvas));
    picture.append(make("p", "stage-note", t("stage.map.note")));
    const pad = make("div", "stage-try", heading("stage.try"), find(".pad-side"), this.answers.element);
    const button = (id: string, text: TextKey, act: () => void) => {
      const made = pressButton(t(text), act);
      made.id = id;
      return made;
    };
    this.next.append(
      button("next-break", "stage.next.break", () => this.gate.focus()),
      button("next-draw", "stage.next.draw", () => find<HTMLElement>("#sample").click()),
      button("next-again", "stage.next.again", () => this.events.again()),
    );
    const words = make("div", "stage-words", this.caption, this.next);
    host.append(picture, numbers, this.gate.element, pad, words, this.bar.element);
  }

  /** Fetch the recorded run and play it until the live one begins; without motion, show its end. */
  async playRecording(url: string): Promise<void> {
    const recording = await fetchRecording(url);
    this.recording = recording;
    if (this.live) return;
    const { totalSteps, shape, final } = recording;
    this.bar.reset(totalSteps);
    this.map.reset(shape);
    this.gate.reset(final);
    if (mayMove()) this.roll(0);
    else this.at = totalSteps;
    this.refresh();
  }

  /** Play the film on the stage from a step on. The recording begins again after its end. */
  private roll(from: number): void {
    const total = this.total;
    const ms = REPLAY_MS * (1 - from / Math.max(1, total));
    clearTimeout(this.rest);
    this.at = from;
    this.player.play(
      from,
      total,
      ms,
      (step) => this.seek(step),
      () => this.rolled(),
    );
  }

  private rolled(): void {
    if (this.live) this.at = null;
    else this.rest = window.setTimeout(() => this.roll(0), REST_MS);
    this.refresh();
  }

  private seek(step: number): void {
    const before = this.shown;
    this.at = step;
    if (this.shown !== before) this.refresh();
    else this.bar.show(Math.round(step));
  }

  private get total(): number {
    if (!this.live) return this.recording?.totalSteps ?? 1;
    return this.film.last?.step ?? 0;
  }

  /** Frame on the stage. */
  private get shown(): Frame | undefined {
    if (this.live) return this.at === null ? this.film.last : this.film.at(this.at);
    const frames = this.recording?.frames ?? [];
    return frames.findLast(({ step }) => step <= (this.at ?? 0)) ?? frames[0];
  }

  private scrub(step: number): void {
    this.player.stop();
    clearTimeout(this.rest);
    this.at = Math.min(step, this.total);
    this.refresh();
  }

  private replay(): void {
    if (this.live && this.at !== null) {
      this.player.stop();
      this.at = null;
    } else this.roll(0);
    this.refresh();
  }

  /** Show new networks. The recording goes on until the live run begins. */
  reset(report: Of<"built">, names: readonly string[], movable: boolean): void {
    const { lanes, totalSteps, data, settings } = report;
    const [first] = lanes as [(typeof lanes)[number]];
    const weights = first.layers.reduce((n, { shape }) => n + volume(shape), 0);
    const { denseBytes } = first;
    this.facts = { totalSteps, weights, denseBytes, classes: data.classes.length, lanes: lanes.length };
    this.largest = largestOf(first.layers);
    this.shape = first.layers[this.largest]!.shape;
    this.film.load([]);
    this.latest = lanes.map(() => null);
    this.best = 0;
    this.state = { running: false, finished: false, step: 0 };
    this.movable = movable;
    this.final = settings.threshold;
    this.answers.reset(names, data.classes);
    if (this.live) this.enter();
    this.refresh();
  }

  /** Leave the recording: the visitor or the page begins the live run. */
  begin(): void {
    if (this.live || !this.facts) return;
    this.live = true;
    this.enter();
    this.refresh();
  }

  private enter(): void {
    this.player.stop();
    clearTimeout(this.rest);
    this.at = null;
    this.bar.reset(this.facts!.totalSteps);
    this.map.reset(this.shape);
    this.gate.reset(this.final);
  }

  /** Say that a command is on its way. */
  setWaiting(waiting: "run" | "step" | null): void {
    this.waiting = waiting;
    this.refresh();
  }
  setFinal(final: number): void {
    this.final = final;
    if (this.live) this.gate.setFinal(final);
  }
  setState(state: Of<"state">): void {
    this.state = state;
    this.waiting = null;
    this.refresh();
  }
  setNoGpu(): void {
    this.noGpu = true;
    find("#stage").classList.add("without-gpu");
    this.refresh();
  }

  /** Add a picture to the film. */
  addPicture(report: Of<"picture">): void {
    if (report.lane !== 0 || !this.facts) return;
    this.film.add(frameOf(report, this.largest, [...this.latest]));
    if (this.live && this.at === null) this.refresh();
  }

  /** Note a test accuracy, 0 to 1. */
  addTest(lane: number, accuracy: number): void {
    this.latest[lane] = accuracy;
    if (lane === 0) this.best = Math.max(this.best, accuracy);
    const { last } = this.film;
    if (!last) return;
    this.film.add({ ...last, accuracy: [...this.latest] });
    if (this.live && this.at === null) this.refresh();
  }

  showAnswer(report: Of<"classified">): void {
    this.answers.show(report.lanes.map(({ probabilities }) => probabilities));
  }

  /** Draw everything that the state changes. */
  private refresh(): void {
    const frame = this.shown;
    const replaying = this.live && this.at !== null;
    this.badge.hidden = this.live && !replaying;
    setText(this.badge, t(replaying ? "stage.replaying" : "stage.recorded"));
    this.gate.enable(this.movable && !replaying);
    this.bar.setReplay(replaying, this.live ? this.film.frames.length > 1 : this.recording !== null);
    if (frame) this.showFrame(frame);
    else for (const value of [this.left, this.accuracy]) setText(value, UNKNOWN);
    const [text, kind] = this.words(frame);
    setText(this.caption, text);
    this.caption.className = `stage-caption ${kind}`;
    this.next.classList.toggle("shown", kind === "end" && this.live);
    if (kind === "warning" && !this.warned) announce(text, true);
    this.warned = kind === "warning";
  }

  private showFrame(frame: Frame): void {
    const { accuracy } = frame;
    this.map.show(frame);
    this.gate.show(frame);
    this.bar.show(this.live && this.at === null ? Math.max(frame.step, this.state.step) : Math.round(this.at ?? 0));
    setText(this.left, percent(frame.left));
    setText(this.accuracy, percent(accuracy[0]));
    const other = accuracy.length > 1 ? t("stage.beside", { accuracy: percent(accuracy[1]) }) : "\u00a0";
    setText(this.beside, other);
  }

  /** Return the caption and its kind. */
  private words(frame: Frame | undefined): [text: string, kind: "" | "end" | "warning"] {
    if (this.waiting === "step") return [t("stage.caption.step"), ""];
    if (this.waiting === "run") return [t("stage.caption.preparing"), ""];
    if (!frame) return [t(this.noGpu ? "stage.caption.no-gpu" : "stage.loading"), ""];
    const facts = this.live ? this.facts! : this.recording!;
    if (collapsed(frame, this.best, this.facts?.classes ?? 10) && this.live)
      return [t(this.movable ? "stage.caption.dead" : "stage.caption.dead-fixed"), "warning"];
    const isEnd = this.live ? this.state.finished && this.at === null : frame === this.recording!.frames.at(-1);
    if (isEnd) return [endSentence(frame, facts.denseBytes), "end"];
    if (!this.live) return [t(this.noGpu ? "stage.caption.no-gpu" : "stage.caption.recording"), ""];
    return [this.progress(frame), ""];
  }

  /** Return the caption of a live run on its way. */
  private progress({ left, step }: Frame): string {
    const { running } = this.state;
    const { weights, lanes } = this.facts!;
    if (step === 0 && running) return t("stage.caption.preparing");
    if (step === 0) return t(lanes > 1 ? "stage.caption.ready" : "stage.caption.one", { n: count(weights) });
    if (!running && this.at === null) return t("stage.caption.paused");
    if (left < 0.25) return t("stage.caption.few", { left: percent(left) });
    return t(left < 0.5 ? "stage.caption.half" : "stage.caption.running");
  }
}
