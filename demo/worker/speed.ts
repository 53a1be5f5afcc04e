// Measures the speed and the files of a network: dense, by sparse kernels, and compacted. Loaded when first used.
import {
  buildSmallModel,
  kernelCounts,
  MODEL_FORMS,
  measureSpeed,
  modelWay,
  openSpeedForms,
  type Session,
  writeModelForm,
} from "../../src/internal.ts";
import type { SpeedFacts } from "../shared/protocol.ts";
import type { Settings } from "../shared/settings.ts";
import { spikingOptions } from "./run_config.ts";

const BATCHES = [1, 64];
const ROUNDS = 7;

/** Measure the effective weights of a session, with re-estimated statistics of batch norm. Waits for the GPU. */
export async function measureSession(session: Session, settings: Settings): Promise<SpeedFacts> {
  const weights = await session.recalibrated(() => session.weights());
  const { sample, classes } = session;
  const [channels = 1, size = 1] = sample;
  const spiking = spikingOptions(settings);
  const build = () => buildSmallModel(settings.model, { channels, size, classes }, spiking ? { spiking } : {});
  using forms = await openSpeedForms({ build, weights, sample });
  const ways = forms.forms.map(({ name, model }) => modelWay(name, model, sample));
  const rows = forms.forms.map(({ name, kernels }) => ({
    name: name as string,
    kernels: kernelCounts(kernels),
    rates: [] as number[],
    speedups: [] as number[],
  }));
  for (const batch of BATCHES) {
    const results = await measureSpeed(ways, { sample, batch, rounds: ROUNDS });
    results.forEach(({ imagesPerSecond, speedup }, i) => {
      rows[i]!.rates.push(imagesPerSecond.median);
      rows[i]!.speedups.push(speedup);
    });
  }
  const files = MODEL_FORMS.map((layout) => ({
    layout: layout as string,
    bytes: writeModelForm(weights, layout).length,
  }));
  if (forms.compacted) {
    const small = forms.compacted.weights as Parameters<typeof writeModelForm>[0];
    files.push({ layout: "compact", bytes: writeModelForm(small, "dense").length });
  }
  return { batches: BATCHES, rows, files, notes: forms.notes };
}
