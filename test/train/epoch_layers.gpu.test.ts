// The epoch record's numbers of hidden weights and gates, against the weights.
import { expect, test } from "vitest";
import { tinyRun, tinySession } from "../support/tiny_session.ts";

test("a latent method: magnitudes of hidden weights", async () => {
  const session = tinySession({ threshold: 0.1 });
  const { last } = await session.fit();
  const params = new Map(session.model.namedParameters());
  for (const layer of last?.layers ?? []) {
    const p = params.get(layer.name)!;
    const [w, theta] = [await p.data(), (await p.latent!.data()) as Float32Array];
    const hidden = Array.from(theta, Math.abs).filter((_, i) => w[i] === 0);
    expect(layer.zeros, layer.name).toBe(hidden.length);
    expect(layer.hiddenMax).toBe(Math.max(...hidden));
    expect(layer.hiddenMax).toBeLessThanOrEqual(Math.fround(0.1));
    expect(layer.hiddenMean).toBeCloseTo(hidden.reduce((a, b) => a + b, 0) / hidden.length, 9);
    expect([layer.threshold, layer.transition]).toEqual([null, null]);
  }
  session.dispose();
});

test("ltp: soft accuracy and gates in transition from where pruning begins to where it ends", async () => {
  const { epochs } = await tinyRun({ method: "ltp", startEpoch: 1, freezeEpoch: 3, ltp: { l0: 5, temperature: 0.05 } });
  expect(epochs.map((e) => e.softAccuracy !== undefined)).toEqual([true, true, false, false]);
  for (const { epoch, layers } of epochs) {
    for (const { name, transition, threshold } of layers) {
      expect(threshold, name).not.toBeNull();
      if (epoch > 2) expect(transition, `${name} in epoch ${epoch}`).toBeNull();
      else expect(transition, name).toBeGreaterThan(0);
    }
  }
});

test("in-place methods hide no weights", async () => {
  const { epochs } = await tinyRun({ mode: "inplace", threshold: 0.1 });
  for (const { hiddenMean, hiddenMax } of epochs.at(-1)!.layers) expect([hiddenMean, hiddenMax]).toEqual([null, null]);
});
