// `espalier eval`: accuracy and sparsity of a saved model.
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import {
  currentGpu,
  DataLoader,
  Evaluator,
  layerSparsity,
  type Module,
  RandomState,
  readModelWeights,
} from "../index.ts";
import { activityOf } from "./activity.ts";
import { renderActivityTable } from "./activity_table.ts";
import { type AdapterFlags, adapterName, openGpu } from "./adapter.ts";
import { loadSplits } from "./datasets.ts";
import { isEventData } from "./event_data.ts";
import { UsageError } from "./fail.ts";
import type { Output } from "./json_log.ts";
import { modelFor } from "./session.ts";
import { checkSpiking, forEncoder, isSpiking, readNeuronMetadata, timeStepsOf } from "./spiking.ts";
import { renderLayerTable } from "./table.ts";

export interface EvalFlags extends AdapterFlags {
  /** A run's directory, or a model file. */
  readonly path: string;
  readonly model?: string;
  readonly data?: string;
  readonly dataDir?: string;
  readonly batchSize?: number;
  /** Samples of each class of event data; passed over for images. */
  readonly limit?: number;
  /** Operations and energy, of a network without spikes too. */
  readonly activity?: boolean;
}

function modelFile(path: string): string {
  if (!existsSync(path)) throw new UsageError(`${path}: no such file or directory`);
  if (!statSync(path).isDirectory()) return path;
  const found = ["model.sparse.safetensors", "model.safetensors"].map((n) => join(path, n)).find((p) => existsSync(p));
  if (!found) throw new UsageError(`${path}: holds no model.safetensors; has the run finished?`);
  return found;
}

export async function runEval(flags: EvalFlags, out: Output): Promise<number> {
  const file = modelFile(flags.path);
  const { weights, metadata } = readModelWeights(new Uint8Array(readFileSync(file)), file);
  const name = flags.model ?? metadata.get("model");
  if (!name) throw new UsageError(`${file}: does not say which model it is; give --model`);
  const data = flags.data ?? metadata.get("data") ?? "mnist";
  const { by, size, batch = 500, ...neurons } = readNeuronMetadata(metadata.get("time"), file);
  const settings = { name, ...neurons };
  checkSpiking(settings, data);
  const { dataDir: dir } = flags;
  // Images are tested whole; a limit is of those to train with.
  const limit = isEventData(data) ? flags.limit : undefined;
  const splits = await loadSplits({ name: data, dir, by, size, limit }, timeStepsOf(settings, data));
  const test = forEncoder(splits.test, settings.encoder);
  const gpu = await openGpu(flags);
  const random = new RandomState(Number(metadata.get("seed") ?? 0));
  const model: Module = modelFor({ model: settings, data, random }, test.shape, test.classes.length);
  model.loadStateDict(weights);
  const evaluator = new Evaluator(model, test.shape, random);
  const started = performance.now();
  const result = await evaluator.run(new DataLoader({ dataset: test, batchSize: flags.batchSize ?? batch }));
  const layers = await layerSparsity(model);
  const wantsActivity = flags.activity || isSpiking(name);
  const activity = wantsActivity ? await activityOf(model, splits.test, { model: settings }, random) : null;
  const sparsity = layers.reduce((n, l) => n + l.zeros, 0) / layers.reduce((n, l) => n + l.weights, 0);
  out.say(renderLayerTable(layers));
  if (activity) out.say(renderActivityTable(activity.report));
  out.say(
    `${name} on ${test.name}: accuracy ${(100 * result.accuracy).toFixed(2)} % (${result.correct} of ${result.samples}), loss ${result.loss.toFixed(4)}, sparsity ${(100 * sparsity).toFixed(2)} %`,
  );
  out.emit({
    kind: "result",
    accuracy: result.accuracy,
    sparsity,
    loss: result.loss,
    samples: result.samples,
    seconds: (performance.now() - started) / 1000,
    parameters: model.parameters().reduce((n, p) => n + p.numel, 0),
    adapter: adapterName(gpu.adapter),
    peakBytes: currentGpu().memory().peak,
    layers,
    ...(activity ? { activity: activity.report } : {}),
  });
  return 0;
}
