// Start, pause, step, reset: what can be pressed follows the worker's state.
import type { Command, Report } from "../shared/protocol.ts";
import { find, setText } from "./dom.ts";

type State = Pick<Extract<Report, { kind: "state" }>, "running" | "finished" | "step">;

const STILL: State = { running: false, finished: false, step: 0 };

export interface RunEvents {
  send(command: Command): void;
  reset(): void;
}

export class RunBar {
  private readonly start = find<HTMLButtonElement>("#start");
  private readonly single = find<HTMLButtonElement>("#step");
  private readonly resetButton = find<HTMLButtonElement>("#reset");
  private readonly note = find<HTMLElement>("#pending");
  private state: State = STILL;
  private busy = true;

  constructor(events: RunEvents) {
    this.start.addEventListener("click", () => events.send({ kind: this.state.running ? "pause" : "run" }));
    this.single.addEventListener("click", () => events.send({ kind: "step", steps: 1 }));
    this.resetButton.addEventListener("click", () => events.reset());
    this.follow();
  }

  get running(): boolean {
    return this.state.running;
  }

  get step(): number {
    return this.state.step;
  }

  get word(): string {
    if (this.state.finished) return "Finished";
    return this.state.running ? "Training" : "Paused";
  }

  /** Networks are being built. */
  wait(): void {
    this.busy = true;
    this.follow();
  }

  ready(): void {
    this.busy = false;
    this.state = STILL;
    this.pend(false);
    this.follow();
  }

  /** They could not be built: only another try is left. */
  failed(): void {
    this.busy = true;
    this.follow();
    this.resetButton.disabled = false;
  }

  show(state: State): void {
    this.state = state;
    this.follow();
  }

  /** Settings on the form that the networks do not have yet. */
  pend(pending: boolean): void {
    this.note.hidden = !pending;
  }

  private follow(): void {
    const { busy, state } = this;
    setText(this.start, state.running ? "Pause" : state.finished ? "Finished" : "Start");
    this.start.disabled = busy || state.finished;
    this.single.disabled = busy || state.running || state.finished;
    this.resetButton.disabled = busy;
  }
}
