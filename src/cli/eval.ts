// `espalier eval`: accuracy and sparsity of a saved model.
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { currentGpu, DataLoader, Evaluator, layerSparsity, type Module, readModelWeights } from "../index.ts";
import { type AdapterFlags, adapterName, openGpu } from "./adapter.ts";
import { loadSplits } from "./datasets.ts";
import { UsageError } from "./fail.ts";
import type { Output } from "./json_log.ts";
import { modelFor } from "./session.ts";
import { renderLayerTable } from "./table.ts";

export interface EvalFlags extends AdapterFlags {
  /** A run's directory, or a model file. */
  readonly path: string;
  readonly model?: string;
  readonly data?: string;
  readonly dataDir?: string;
  readonly batchSize: number;
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
  const dataName = flags.data ?? metadata.get("data") ?? "mnist";
  if (dataName !== "mnist" && dataName !== "fashion-mnist" && dataName !== "idx") {
    throw new UsageError(`data ${dataName}: want mnist, fashion-mnist or idx`);
  }
  const { test } = await loadSplits({ name: dataName, dir: flags.dataDir });
  const gpu = await openGpu(flags);
  const model: Module = modelFor({ name }, test.shape, test.classes.length);
  model.loadStateDict(weights);
  const evaluator = new Evaluator(model, test.shape);
  const started = performance.now();
  const result = await evaluator.run(new DataLoader({ dataset: test, batchSize: flags.batchSize }));
  const layers = await layerSparsity(model);
  const sparsity = layers.reduce((n, l) => n + l.zeros, 0) / layers.reduce((n, l) => n + l.weights, 0);
  out.say(renderLayerTable(layers));
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
  });
  return 0;
}
