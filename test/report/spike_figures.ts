// Simulated recordings of spiking neurons: integrate and fire on a repeatable current.
import type { SpikeFigure } from "../../src/internal.ts";
import { randomArray } from "../support/random.ts";

const NAMES = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker"];

/** Neurons of four layers, which fire less from layer to layer. */
export function sampleFigure(samples: number, timeSteps: number, vReset: number | null = 0): SpikeFigure {
  const steps = samples * timeSteps;
  const simulate = (drive: number, seed: number) => {
    const noise = randomArray(steps, seed, 0.45);
    const h = new Float32Array(steps);
    const spikes = new Uint8Array(steps);
    let v = 0;
    for (let at = 0; at < steps; at++) {
      if (at % timeSteps === 0) v = vReset ?? 0;
      h[at] = v + (drive + noise[at]! - (v - (vReset ?? 0))) / 2;
      spikes[at] = h[at]! >= 1 ? 1 : 0;
      v = spikes[at] === 0 ? h[at]! : (vReset ?? h[at]! - 1);
    }
    return { h, spikes };
  };
  const drives = randomArray(120, 3, 0.9);
  const layers = ["1.lif", "4.lif", "8.lif", "11.lif"].map((name, l) => {
    const shown = Array.from({ length: 30 }, (_, i) => i * (50 - 10 * l));
    const runs = shown.map((_, i) => simulate(1.3 - 0.15 * l + drives[30 * l + i]!, 100 * l + i));
    const spikes = Uint8Array.from(
      { length: steps * 30 },
      (_, at) => runs[at % 30]?.spikes[Math.floor(at / 30)] as number,
    );
    return { name, neurons: 12544 >> (2 * l), rate: spikes.reduce((n, s) => n + s, 0) / spikes.length, shown, spikes };
  });
  const traces = [2.6, 1.6, 1.1].map((drive, i) => ({
    name: "4.lif",
    neuron: 17 + 1000 * i,
    ...simulate(drive, 900 + i),
  }));
  return {
    samples: Array.from({ length: samples }, (_, s) => ({
      label: NAMES[s % 8]!,
      predicted: s === 1 ? "Dress" : NAMES[s % 8]!,
    })),
    timeSteps,
    layers,
    traces,
    vThreshold: 1,
    vReset,
  };
}
