// Settings of spiking networks and event data, from a recipe and from a model file.
import { z } from "zod";
import {
  evaluationBatch,
  isArrays,
  modelRegistry,
  NEURONS,
  type RandomState,
  type SessionSamples,
  type SpikingOptions,
  withScale,
} from "../internal.ts";
import { UsageError } from "../terminal/fail.ts";
import { defined } from "../text/index.ts";
import { isEventData } from "./data_names.ts";
import { type Recipe, schemaOf } from "./schema.ts";
import { SETTINGS } from "./settings.ts";

/** Default time steps. */
const IMAGE_STEPS = 4;
const EVENT_STEPS = 8;

export const isSpiking = (model: string): boolean =>
  Object.hasOwn(modelRegistry, model) && modelRegistry[model]?.spiking === true;

type ModelSettings = Pick<Recipe["model"], "name" | "timeSteps" | "neuron" | "tau" | "surrogate" | "encoder">;

/** Return T: steps of the simulation, frames of event data. */
export function timeStepsOf(model: ModelSettings, data: string): number {
  return model.timeSteps ?? (isEventData(data) ? EVENT_STEPS : IMAGE_STEPS);
}

/** Refuse settings of neurons and time that do not apply to the model or data. Errors: UsageError. */
export function checkSpiking(model: ModelSettings, data: string): void {
  const spiking = isSpiking(model.name);
  const others = Object.keys(modelRegistry).filter(isSpiking).join(", ");
  for (const key of ["neuron", "tau", "surrogate", "encoder"] as const) {
    if (model[key] !== undefined && !spiking)
      throw new UsageError(`model.${key}: ${model.name} has no spiking neurons; these have: ${others}`);
  }
  if (model.timeSteps !== undefined && !spiking && !isEventData(data))
    throw new UsageError(
      `model.timeSteps: expected a spiking model or event data, got ${model.name} and ${data}; spiking models: ${others}`,
    );
  if (model.tau !== undefined && model.neuron === NEURONS[0])
    throw new UsageError("model.tau: if neurons have no time constant");
  if (model.encoder !== undefined && model.encoder !== "direct" && isEventData(data))
    throw new UsageError(`model.encoder: expected direct, since ${data} is spikes already, got ${model.encoder}`);
}

/** Return the options of the model's neurons; undefined for a model without neurons. */
export function spikingOptions(model: ModelSettings, data: string, random?: RandomState): SpikingOptions | undefined {
  if (!isSpiking(model.name)) return undefined;
  const { neuron, tau, surrogate, encoder } = model;
  const frames = isEventData(data);
  return { timeSteps: timeStepsOf(model, data), frames, ...defined({ neuron, tau, surrogate, encoder, random }) };
}

/** Scale images to 0..1 for an encoder; leave them unchanged without one. */
export function forEncoder<D extends SessionSamples>(dataset: D, encoder: string | undefined): D {
  if (isArrays(dataset) || encoder === undefined || encoder === "direct") return dataset;
  const [channels] = dataset.shape;
  const scale = { mean: new Array<number>(channels).fill(0), std: new Array<number>(channels).fill(1) };
  return withScale(dataset, scale) as D;
}

/** Return the metadata of neurons and frames, by which `eval` builds the same model. */
export function neuronMetadata(recipe: Pick<Recipe, "model" | "data" | "batchSize">): Record<string, string> {
  const { model, data } = recipe;
  if (!isSpiking(model.name) && !isEventData(data.name)) return {};
  const { neuron, tau, surrogate, encoder } = model;
  const { by, size } = data;
  // Random spikes depend on the batch size.
  const batch = evaluationBatch(recipe);
  return {
    time: JSON.stringify({
      batch,
      timeSteps: timeStepsOf(model, data.name),
      neuron,
      tau,
      surrogate,
      encoder,
      by,
      size,
    }),
  };
}

/** The settings of a model and its frames that a model file records. */
interface SavedNeurons extends Omit<ModelSettings, "name">, Pick<Recipe["data"], "by" | "size"> {
  readonly batch?: number;
}

const { neuron, tau, surrogate, encoder } = SETTINGS.model;
const { by, size } = SETTINGS.data;
const saved = { neuron, tau, surrogate, encoder, by, size };
const count = z.int().min(1);
const SAVED = z.object({
  ...Object.fromEntries(Object.entries(saved).map(([key, setting]) => [key, schemaOf(setting).optional()])),
  batch: count.optional(),
  timeSteps: count,
});

/** Read what neuronMetadata wrote. Throws UsageError if it is corrupt. */
export function readNeuronMetadata(text: string | undefined, file: string): SavedNeurons {
  if (text === undefined) return {};
  try {
    return SAVED.parse(JSON.parse(text)) as SavedNeurons;
  } catch {
    throw new UsageError(`${file}: its metadata "time" is corrupt: ${text.slice(0, 80)}`);
  }
}
