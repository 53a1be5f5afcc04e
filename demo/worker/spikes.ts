// Measures a spiking network on a few test images: spikes, firing rates and operations.
import { captureSpikes, DataLoader, type ImageDataset, measureActivity, type Session } from "../../src/internal.ts";
import type { Lane, Report } from "../shared/protocol.ts";

type Spikes = Extract<Report, { kind: "spikes" }>;

/** Number of test images whose operations are counted; the raster shows fewer. */
const COUNTED = 32;

/** Measure spikes. Waits for the GPU several times; nothing else may use the model meanwhile. */
export async function measureSpikes(session: Session, test: ImageDataset, lane: Lane): Promise<Spikes> {
  const { optimizer, model, sample } = session;
  const loader = new DataLoader({ dataset: test, batchSize: Math.min(COUNTED, test.length), shuffle: true });
  optimizer.harden();
  try {
    for await (const batch of loader) {
      const figure = await captureSpikes(model, batch, { sample, scale: test, classes: test.classes });
      const activity = await measureActivity(model, [batch], { sample, scale: test });
      const rates = new Map(activity.spiking.map((layer) => [layer.name, layer.rate]));
      return {
        kind: "spikes",
        lane,
        samples: figure.samples,
        layers: figure.layers.map(({ name, rate, shown, spikes }) => ({
          name,
          rate: rates.get(name) ?? rate,
          timeSteps: figure.samples.length * figure.timeSteps,
          neurons: shown.length,
          raster: spikes,
          potential: figure.traces.find((trace) => trace.name === name)?.h ?? null,
        })),
        synOps: activity.total.synOps,
        denseMacs: activity.total.denseMacs,
      };
    }
    throw new RangeError("there are no test images");
  } finally {
    optimizer.soften();
  }
}
