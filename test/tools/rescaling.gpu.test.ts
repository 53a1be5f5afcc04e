// LTP's central claim: batch norm makes the scale of a layer arbitrary, and LTP's mask does not depend on it, whereas L1 and L2
// penalties act on the scale.
import { expect, test } from "vitest";
import { overlap, type Rescaled, rescalingRuns } from "../../tools/rescaling/experiment.ts";

test("weights before batch norm times c: LTP keeps its mask, those of L1 and L2 move", async () => {
  const runs = await rescalingRuns([1 / 4, 1, 4], ["c²"]);
  const of = (method: string, c: number) => runs.find((r) => r.method === method && r.c === c) as Rescaled;
  for (const c of [1 / 4, 4]) {
    const [ltp, one] = [of("LTP", c), of("LTP", 1)];
    expect(one.zeros).toBeGreaterThan(0.5);
    expect(one.accuracy).toBeGreaterThan(0.9);
    expect(overlap(ltp, one), `LTP, c = ${c}`).toBeGreaterThan(0.97);
    expect(Math.abs(ltp.zeros - one.zeros)).toBeLessThan(0.01);
    for (const method of ["L1", "L2"]) {
      const [moved, before] = [of(method, c), of(method, 1)];
      expect(before.accuracy).toBeGreaterThan(0.9);
      expect(overlap(moved, before), `${method}, c = ${c}`).toBeLessThan(0.9);
      expect(Math.abs(moved.zeros - before.zeros), `${method}, c = ${c}`).toBeGreaterThan(0.1);
    }
  }
});
