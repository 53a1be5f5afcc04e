// Writes models to files and reads them back.
import {
  type ImageDataset,
  inverseThreshold,
  readModelWeights,
  type Session,
  writeSafetensors,
  writeSparseModel,
} from "../../src/internal.ts";
import type { ModelForm } from "../shared/protocol.ts";
import type { Settings } from "../shared/settings.ts";

interface ModelFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Facts about a model for its metadata. */
interface ModelFacts {
  readonly settings: Settings;
  readonly step: number;
  readonly data: Pick<ImageDataset, "name" | "classes" | "mean" | "std">;
  readonly accuracy: number | null;
}

/** Load the ONNX writer; it is large, so it is fetched at the first export. */
const onnxWriter = () => import("../../src/export/onnx/export_onnx.ts");

/** Fetch the code of an export in advance, so that training does not wait for it. */
export async function prepareExport(what: ModelForm): Promise<void> {
  if (what === "onnx") await onnxWriter();
}

/**
 * Write the effective weights, with re-estimated statistics of batch norm, as safetensors, dense or sparse (bitmasks and non-zero values), or the network as ONNX.
 * Waits for the GPU.
 */
export async function exportModel(session: Session, what: ModelForm, facts: ModelFacts): Promise<ModelFile> {
  const { settings, step, accuracy, data } = facts;
  const { method, sample, model } = session;
  const weights = await session.recalibrated(() => session.weights());
  const threshold = method.thresholdAt(step) ?? (await method.readThreshold?.(step)) ?? 0;
  const prunable = [...model.namedParameters()].filter(([, p]) => p.prunable).map(([key]) => key);
  const spiking = settings.model === "spiking-cnn";
  const metadata: Record<string, string> = {
    model: settings.model,
    data: data.name,
    ...(spiking ? { time: JSON.stringify({ timeSteps: settings.timeSteps }) } : {}),
    input: sample.join("x"),
    classes: String(session.classes),
    classNames: JSON.stringify(data.classes),
    normalise: JSON.stringify({ mean: data.mean, std: data.std }),
    seed: String(settings.seed),
    method: method.name,
    threshold: String(threshold),
    holds: "effective weights: the soft threshold has been applied",
    ...(accuracy === null ? {} : { accuracy: String(accuracy) }),
    sparsity: String(sparsityOf(prunable.map((key) => weights.get(key)!.data))),
  };
  const name = `espalier-${settings.model}-${method.name}`;
  if (what === "sparse") {
    return { name: `${name}.sparse.safetensors`, bytes: writeSparseModel(weights, metadata) };
  }
  if (what === "onnx") {
    const { exportOnnx } = await onnxWriter();
    return {
      name: `${name}.onnx`,
      bytes: exportOnnx(model, { input: sample, weights, name: settings.model, metadata }),
    };
  }
  return { name: `${name}.safetensors`, bytes: writeSafetensors(weights, metadata) };
}

function sparsityOf(arrays: readonly ArrayLike<number>[]): number {
  let [zeros, all] = [0, 0];
  for (const values of arrays) {
    all += values.length;
    for (let i = 0; i < values.length; i++) if (values[i] === 0) zeros++;
  }
  return all === 0 ? 0 : zeros / all;
}

/** Read the weights of a file by the names of the model. */
async function readWeights(model: Session["model"], bytes: Uint8Array, name: string) {
  if (!/\.onnx$/i.test(name)) return readModelWeights(bytes, name).weights;
  const { onnxWeights } = await import("./onnx_weights.ts");
  return onnxWeights(bytes, name, new Set((await model.stateDict()).keys()));
}

/** Size limit of a model file: a hundred times the largest that the page writes. */
const MOST_BYTES = 2 ** 26;

/**
 * Replace the session's weights by those of a dense or sparse safetensors file or of an ONNX file, and reset momentum.
 * Throws naming the file or every key that does not fit; nothing has changed then.
 */
export async function importModel(session: Session, bytes: Uint8Array, name: string, step: number): Promise<void> {
  if (bytes.length > MOST_BYTES)
    throw new RangeError(`${name}: expected at most ${MOST_BYTES} bytes, got ${bytes.length}`);
  const { model, optimizer, method } = session;
  const weights = await readWeights(model, bytes, name);
  for (const [key, { data }] of weights) {
    if (data.some((v) => !Number.isFinite(v))) throw new RangeError(`${name}: ${key} holds NaN or Inf`);
  }
  model.loadStateDict(weights);
  optimizer.reset();
  const threshold = method.group.mode === "latent" ? (method.thresholdAt(step) ?? 0) : 0;
  if (threshold > 0) {
    // Latent weights are larger by the threshold, which the next update subtracts.
    for (const [key, p] of model.namedParameters()) {
      if (p.latent) p.latent.set(inverseThreshold(weights.get(key)!.data, threshold));
    }
  }
  optimizer.refresh();
}
