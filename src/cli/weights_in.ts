// Weights from a file into a model: whichever program wrote them, under whichever of the known names.
import {
  bestKeyRule,
  formatLoadReport,
  type LoadOptions,
  type LoadReport,
  loadState,
  type Module,
  readWeights,
  renameKeys,
  type WeightsFile,
} from "../index.ts";
import { readRegularSync } from "../node/regular_file.ts";
import { UsageError } from "./fail.ts";

/** Reads safetensors, sparse safetensors, or PyTorch's .pt and .pth. Errors name the file and what is wrong with it. */
export async function readWeightsFile(file: string): Promise<WeightsFile> {
  let bytes: Uint8Array;
  try {
    bytes = readRegularSync(file);
  } catch (error) {
    throw new UsageError(`${file}: cannot be read: ${(error as Error).message}`);
  }
  return readWeights(bytes, file);
}

/**
 * Puts weights into a model. Names of other projects are translated when that makes more of them fit; the report says so.
 * Errors are usage errors that name the file and list what does not fit.
 */
export function putWeights(
  model: Module,
  { weights }: Pick<WeightsFile, "weights">,
  file: string,
  options: LoadOptions = {},
): { report: LoadReport; lines: string[] } {
  const wanted = new Set([...model.namedState()].map(([name]) => name));
  const rule = bestKeyRule(weights.keys(), wanted);
  try {
    const report = loadState(model, rule ? renameKeys(weights, rule.rule) : weights, options);
    const lines = formatLoadReport(report).split("\n");
    return { report, lines: rule ? [`names translated: ${rule.name}`, ...lines] : lines };
  } catch (error) {
    throw new UsageError(`${file}: does not fit the model: ${(error as Error).message}`);
  }
}
