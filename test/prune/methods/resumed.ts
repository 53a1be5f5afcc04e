// Helpers of the resume tests: a run is the same replayed and eager, and a run resumed from a checkpoint ends with the
// bits of one that was not, and its records.
import { expect } from "vitest";
import { parseSafetensors } from "../../../src/io/index.ts";
import { layerWord } from "../../../src/optim/hyper.ts";
import {
  differing,
  finish,
  keysOf,
  sparsityIn,
  type TinyMore,
  type TinyPrune,
  tinyRun,
  tinySession,
} from "../../support/tiny_session.ts";

export interface Case {
  readonly name: string;
  readonly prune: TinyPrune;
  readonly more?: TinyMore;
  /** Steps to resume at. Epochs end at 5, 10, 15 and 20, and there is a checkpoint every 4 steps. */
  readonly at: readonly number[];
  /** Sparsity at the end is in here; so that a test of nothing is noticed. Default [0.1, 0.95]. */
  readonly ends?: readonly [number, number];
}

/** Return the records without times. */
const said = (records: readonly object[]) => records.map((r) => ({ ...r, seconds: 0 }));

/** Return the numbers of learned thresholds, without those of the step, which each step writes again. */
const thresholdsOf = (bytes: Uint8Array) =>
  [...parseSafetensors(bytes).tensors]
    .filter(([key]) => key.startsWith("thresholds."))
    .map(([key, { data }]) => [key, [...data.subarray(layerWord(0))]]);

/** Train whole, eagerly, and from each checkpoint of `at`; expect the same result of all. */
export async function expectResumable({ prune, more, at, ends = [0.1, 0.95] }: Case): Promise<void> {
  const whole = await tinyRun(prune, more, 4);
  const eager = await finish(tinySession(prune, more, false), 4);
  expect(differing(eager.bytes, whole.bytes), "eager").toEqual([]);
  expect(said(eager.records)).toEqual(said(whole.records));
  expect(sparsityIn(whole.bytes)).toBeGreaterThanOrEqual(ends[0]);
  expect(sparsityIn(whole.bytes)).toBeLessThanOrEqual(ends[1]);
  const keys = keysOf(whole.bytes);
  expect(keys).toContain("momentum.1.weight");
  for (const step of at) {
    const saved = whole.saved.get(step);
    if (!saved) throw new Error(`no checkpoint at step ${step}`);
    expect(saved.position.step).toBe(step);
    const session = tinySession(prune, more);
    session.load(saved.bytes, "checkpoint");
    // What was loaded is what was saved.
    const again = await session.save(saved.position);
    const changed = differing(again, saved.bytes).filter((key) => !key.startsWith("thresholds."));
    const rest = await finish(session, 4);
    expect(changed, `loaded at step ${step}`).toEqual([]);
    expect(thresholdsOf(again), `loaded at step ${step}`).toEqual(thresholdsOf(saved.bytes));
    expect(differing(rest.bytes, whole.bytes), `resumed at step ${step}`).toEqual([]);
    expect(said(rest.records), `records from step ${step} on`).toEqual(
      said(whole.records.filter((r) => r.step > step)),
    );
  }
}
