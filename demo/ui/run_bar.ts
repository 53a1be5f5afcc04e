// The buttons start, pause, step and reset; the worker's state enables them.
import type { Command, Report } from "../shared/protocol.ts";
import { t } from "../texts/text.ts";
import { find, setText } from "./dom.ts";

type State = Pick<Extract<Report, { kind: "state" }>, "running" | "finished" | "step">;

const PAUSED: State = { running: false, finished: false, step: 0 };

interface RunEvents {
  send(command: Command): void;
  reset(): void;
}

export class RunBar {
  private readonly start = find<HTMLButtonElement>("#start");
  private readonly single = find<HTMLButtonElement>("#step");
  private readonly resetButton = find<HTMLButtonElement>("#reset");
  private readonly note = find<HTMLElement>("#pending");
  private state: State = PAUSED;
  private busy = true;
  /** True from a click until the worker has begun to run, or has taken the step. */
  private waiting = false;

  constructor(events: RunEvents) {
    this.start.addEventListener("click", () => {
      if (this.state.running) events.send({ kind: "pause" });
      else this.ask(events, { kind: "run" });
    });
    this.single.addEventListener("click", () => this.ask(events, { kind: "step", steps: 1 }));
    this.resetButton.addEventListener("click", () => events.reset());
    this.refresh();
  }

  private ask(events: RunEvents, command: Command): void {
    this.setWaiting(true);
    events.send(command);
  }

  /** Disable the buttons until the next state. */
  setWaiting(waiting: boolean): void {
    this.waiting = waiting;
    this.refresh();
  }

  get running(): boolean {
    return this.state.running;
  }

  get step(): number {
    return this.state.step;
  }

  /** True once a step has been taken or asked for. */
  get started(): boolean {
    return this.state.step > 0 || this.state.running || this.waiting;
  }

  get finished(): boolean {
    return this.state.finished;
  }

  get stateName(): string {
    if (this.state.finished) return t("state.finished");
    return t(this.state.running ? "state.training" : "state.paused");
  }

  /** Disable the buttons while networks are built. */
  setBusy(): void {
    this.busy = true;
    this.waiting = false;
    this.refresh();
  }

  setReady(): void {
    this.busy = false;
    this.state = PAUSED;
    this.setPending(false);
    this.refresh();
  }

  /** Enable only reset, after networks could not be built. */
  setFailed(): void {
    this.busy = true;
    this.refresh();
    this.resetButton.disabled = false;
  }

  show(state: State): void {
    this.state = state;
    this.waiting = false;
    this.refresh();
  }

  /** Show that settings of the form take effect after a reset. */
  setPending(pending: boolean): void {
    this.note.hidden = !pending;
  }

  private refresh(): void {
    const { state, waiting } = this;
    const busy = this.busy || waiting;
    setText(this.start, t(state.running ? "button.pause" : state.finished ? "button.finished" : "button.start"));
    this.start.disabled = busy || state.finished;
    this.single.disabled = busy || state.running || state.finished;
    this.resetButton.disabled = this.busy;
  }
}
