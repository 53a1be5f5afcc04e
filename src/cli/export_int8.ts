// `espalier export --int8`: calibrates a network on training batches, writes it with 8-bit integers, and tests both versions.
import { existsSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { calibrateInt8, exportOnnx, type Int8Calibration, simulateInt8 } from "../export/index.ts";
import {
  type Evaluation,
  Evaluator,
  expectFinite,
  firstBatches,
  type Module,
  type StateDict,
  writeInt8Model,
} from "../internal.ts";
import { modelFile } from "../run/model_file.ts";
import { hasNeurons } from "../run/nir_model.ts";
import { onnxAccuracy } from "../run/onnx_accuracy.ts";
import { expectNoInput, writeOutput } from "../run/output_file.ts";
import { openWeightsFile } from "../run/weights_in.ts";
import { UsageError } from "../terminal/fail.ts";
import type { Output } from "../terminal/output.ts";
import { defined, kilobytes, percent } from "../text/index.ts";
import { type EvalFlags, runEval } from "./eval.ts";
import type { TestParts } from "./retest.ts";

/** Formats with 8-bit integers. */
const INT8_FORMATS = ["onnx", "safetensors"] as const;

export interface Int8Flags extends Omit<EvalFlags, "path" | "weights"> {
  readonly path: string;
  readonly format: string;
  readonly output?: string;
  /** Training batches. */
  readonly calibrate: number;
}

/** Return the file to export and the file to write. Errors: UsageError. */
function filesOf({ path, format, output }: Int8Flags): { file: string; target: string } {
  if (!INT8_FORMATS.some((name) => name === format))
    throw new UsageError(`--int8: expected --format ${INT8_FORMATS.join(" or ")}, got --format ${format}`);
  const file = modelFile(path, "dense");
  const base = file.replace(/(\.(sparse|csr))?\.(safetensors|pth?|th|bin|ckpt)$/i, "");
  const target = output ?? `${base}.int8.${format}`;
  if (resolve(target) === resolve(file)) throw new UsageError(`${target}: is the file to be exported; give --output`);
  expectNoInput("--output", target, [file]);
  if (!existsSync(dirname(resolve(target)))) throw new UsageError(`${target}: there is no folder ${dirname(target)}`);
  return { file, target };
}

/** Return the bytes of the network with integers, for ONNX always: the test needs it. */
function encoded(model: Module, weights: StateDict, int8: Int8Calibration, metadata: Record<string, string>) {
  expectFinite("int8", weights);
  const onnx = exportOnnx(model, {
    input: [...int8.sample],
    weights,
    int8,
    name: metadata["model"] ?? "espalier",
    metadata,
  });
  const own = () => writeInt8Model(weights, { ...metadata, int8: JSON.stringify(int8.scales) });
  return { onnx, own };
}

/** Return the words of a test. */
function scoreWords(label: string, { accuracy, loss }: Partial<Evaluation>, before?: number): string {
  const change = before === undefined ? "" : `, ${(100 * (accuracy! - before)).toFixed(2)} points`;
  const score = accuracy === undefined || Number.isNaN(accuracy) ? "" : `accuracy ${percent(accuracy)}${change}`;
  const words = loss === undefined ? [score] : [score, `loss ${loss.toFixed(4)}`];
  return `${label.padEnd(19)}${words.filter((text) => text !== "").join(", ")}`;
}

/** Export a network with 8-bit integers. Returns the exit code. */
export async function runExportInt8(flags: Int8Flags, out: Output): Promise<number> {
  const { path, format, output: _, calibrate, ...rest } = flags;
  const { file, target } = filesOf(flags);
  const { metadata } = await openWeightsFile(file);
  const name = flags.model ?? metadata.get("model");
  if (name !== undefined && hasNeurons(name))
    throw new UsageError(`--int8: expected a network without spiking neurons, got ${name}; --format nir is for those`);
  const save = async (
    model: Module,
    parts: TestParts & { readonly result: Evaluation; readonly facts: Readonly<Record<string, string>> },
  ): Promise<string> => {
    const { samples, result } = parts;
    const { sample, scale, target: labels } = samples;
    const options = { sample, ...defined({ scale, target: labels }) };
    const int8 = await calibrateInt8(model, firstBatches(parts.train, calibrate), options);
    const simulated = await simulateInt8(model, int8, () =>
      new Evaluator(model, { ...samples, ...parts.measures }).run(parts.test()),
    );
    const weights = await model.stateDict();
    const { format: __, shapes: ___, ...about } = Object.fromEntries(metadata);
    const facts = {
      ...about,
      ...parts.facts,
      accuracy: String(simulated.accuracy),
      floatAccuracy: String(result.accuracy),
    };
    const { onnx, own } = encoded(model, weights, int8, facts);
    const isClasses = !Number.isNaN(result.accuracy);
    const runtime = isClasses
      ? await onnxAccuracy(onnx, parts.test(), { sample, ...defined({ scale, target: labels?.shape }) }, out)
      : null;
    const bytes = format === "onnx" ? onnx : own();
    await writeOutput(target, [bytes], "espalier export");
    out.emit({
      ...{ kind: "int8", input: file, output: target, format, bytes: bytes.length, inputBytes: statSync(file).size },
      ...{ batches: int8.batches, accuracy: simulated.accuracy, floatAccuracy: result.accuracy, loss: simulated.loss },
      ...(runtime ? { onnxRuntimeAccuracy: runtime.accuracy } : {}),
    });
    const before = isClasses ? result.accuracy : undefined;
    return [
      scoreWords("float", result),
      scoreWords("int8, simulated", simulated, before),
      ...(runtime ? [scoreWords("int8, ONNX Runtime", runtime, before)] : []),
      `${target}: ${kilobytes(bytes.length)}, ${file} has ${kilobytes(statSync(file).size)}; calibrated on ${int8.batches} batches`,
    ].join("\n");
  };
  return runEval({ ...rest, path }, out, (model, tested, facts, parts) =>
    save(model, { ...parts, result: tested.result, facts }),
  );
}
