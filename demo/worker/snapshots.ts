// Snapshots for a lost device: the state of all lanes at the same step, in host memory.
import type { RunPosition, Session } from "../../src/internal.ts";

/** Training time between two snapshots, in ms. */
const EVERY_MS = 10_000;

export class Snapshots {
  /** Checkpoints of all lanes at `step`; null before the first. */
  latest: { readonly step: number; readonly lanes: readonly Uint8Array[] } | null = null;
  private readonly lanes: number;
  private plan: { readonly step: number; readonly parts: (Uint8Array | null)[] } | null = null;
  private last = performance.now();

  constructor(lanes: number) {
    this.lanes = lanes;
  }

  /** Take a snapshot at the next step of lane 0. */
  requestNext(): void {
    this.last = Number.NEGATIVE_INFINITY;
  }

  /** Return true if the lane must be saved before this step. */
  due(lane: number, step: number): boolean {
    if (lane === 0 && this.plan?.step !== step && performance.now() - this.last >= EVERY_MS) this.begin(step);
    return this.plan !== null && this.plan.step === step && this.plan.parts[lane] === null;
  }

  private begin(step: number): void {
    this.last = performance.now();
    this.plan = { step, parts: new Array<Uint8Array | null>(this.lanes).fill(null) };
  }

  /** Save a lane. Waits for the GPU. */
  async save(lane: number, session: Session, position: RunPosition): Promise<void> {
    if (this.plan?.step !== position.step) this.begin(position.step);
    const { plan } = this;
    if (!plan) return;
    plan.parts[lane] = await session.save(position);
    const parts = plan.parts.filter((part) => part !== null);
    if (parts.length === this.lanes) this.latest = { step: plan.step, lanes: parts };
  }
}
