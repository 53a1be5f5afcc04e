// What a lost device does not take along: the state of all lanes at one and the same step, kept in memory.
import type { Position, Session } from "../../src/index.ts";

/** Time of running between two snapshots, in ms. */
const EVERY = 10_000;

export class Snapshots {
  /** Checkpoints of all lanes at `step`; null before the first. */
  latest: { readonly step: number; readonly lanes: readonly Uint8Array[] } | null = null;
  private readonly lanes: number;
  private plan: { readonly step: number; readonly parts: (Uint8Array | null)[] } | null = null;
  private last = performance.now();

  constructor(lanes: number) {
    this.lanes = lanes;
  }

  /** The next step that lane 0 comes to is saved, whenever the last one was. */
  hurry(): void {
    this.last = Number.NEGATIVE_INFINITY;
  }

  /** Whether the lane is to be saved before it takes this step. */
  due(lane: number, step: number): boolean {
    if (lane === 0 && this.plan?.step !== step && performance.now() - this.last >= EVERY) this.begin(step);
    return this.plan !== null && this.plan.step === step && this.plan.parts[lane] === null;
  }

  private begin(step: number): void {
    this.last = performance.now();
    this.plan = { step, parts: new Array<Uint8Array | null>(this.lanes).fill(null) };
  }

  /** Waits for the GPU. */
  async save(lane: number, session: Session, position: Position): Promise<void> {
    if (this.plan?.step !== position.step) this.begin(position.step);
    const { plan } = this;
    if (!plan) return;
    plan.parts[lane] = await session.save(position);
    const parts = plan.parts.filter((part) => part !== null);
    if (parts.length === this.lanes) this.latest = { step: plan.step, lanes: parts };
  }
}
