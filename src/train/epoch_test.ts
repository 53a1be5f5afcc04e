// The test at the end of an epoch: with re-estimated statistics of batch norm, with those of training, and for LTP with soft gates.
import type { Optimizer } from "../optim/optimizer.ts";
import type { Evaluation } from "./evaluate.ts";
import type { EpochTest } from "./fit.ts";
import type { SessionRecalibration } from "./session_recalibration.ts";

interface TestedSession {
  readonly optimizer: Optimizer;
  readonly recalibration: SessionRecalibration;
  /** Steps done. */
  readonly step: number | undefined;
  /** Tests with hard masks; null if the signal came first. */
  readonly hard: () => Promise<Evaluation | null>;
  /** Tests with the weights as they are, which are soft gates for LTP. */
  readonly soft: () => Promise<Evaluation | null>;
}

/**
 * Test a session. LTP is tested with soft gates too while it prunes, which shows the cost of hard masks. Returns null if the signal
 * came first.
 */
export async function testEpoch(
  { optimizer, recalibration, step, hard, soft }: TestedSession,
  signal: AbortSignal | undefined,
): Promise<EpochTest | null> {
  const raw = await hard();
  if (!raw) return null;
  let result: EpochTest = raw;
  if (recalibration.count > 0) {
    const found = await recalibration.use(hard, { signal, step });
    if (!found) return null;
    result = { ...found, raw };
  }
  if (!optimizer.groups.some((g) => g.options.mode === "ltp" && g.phase === "prune")) return result;
  const gated = await soft();
  return gated && { ...result, softAccuracy: gated.accuracy };
}
