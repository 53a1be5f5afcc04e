// Accuracies for `espalier bench-model`: the test of `espalier eval`, for each form of the network.
import { Evaluator, openSpeedForms, type SparseKernels, type StateDict } from "../internal.ts";
import { type AdapterFlags, openedGpu } from "../node/adapter.ts";
import type { Output } from "../terminal/output.ts";
import { defined } from "../text/index.ts";
import { runEval } from "./eval.ts";
import type { Known, NetworkFlags } from "./export.ts";

export interface BenchFlags extends NetworkFlags, AdapterFlags {
  /** A run's folder, or a file of weights. */
  readonly path: string;
  /** Batch sizes, rising. Default 1 and 64. */
  readonly batch?: readonly number[];
  /** Default 9. */
  readonly rounds?: number;
  /** Kernels of the sparse forms. Default auto. */
  readonly kernels?: SparseKernels;
  /** False: the accuracy is not tested. */
  readonly test?: boolean;
  /** False: ONNX Runtime is left out. */
  readonly onnx?: boolean;
  readonly html?: string;
  readonly results?: string;
  readonly data?: string;
  readonly dataDir?: string;
  readonly resize?: number;
}

/** Accuracies by the names of the forms. */
export type Accuracies = ReadonlyMap<string, number>;

const SILENT: Output = { json: false, say: () => {}, emit: () => {} };

/**
 * Test all forms of the network. Opens the GPU. Returns null, with a note, if the data is not there and no flag names it. Errors: those
 * of `espalier eval`.
 */
export async function testForms(known: Known, flags: BenchFlags, notes: string[]): Promise<Accuracies | null> {
  const accuracy = new Map<string, number>();
  const { path, model, data, dataDir, resize, size, key, allowMissing, allowUnexpected } = flags;
  const { adapter, requireGpu, watchdog, kernels = "auto" } = flags;
  const given = { model, data, dataDir, resize, key, allowMissing, allowUnexpected, adapter, requireGpu, watchdog };
  const isImages = (data ?? known.facts["data"] ?? "images") === "images";
  try {
    await runEval(
      { path, ...defined({ ...given, size: isImages ? size : undefined }) },
      SILENT,
      async (_, tested, __, parts) => {
        using forms = await openSpeedForms({
          ...{ build: known.build, weights: known.weights as StateDict, sample: known.input, kernels },
        });
        for (const [i, { name, model }] of forms.forms.entries()) {
          const evaluator = new Evaluator(model, { ...parts.samples, ...parts.measures });
          const result = i === 0 ? tested.result : await evaluator.run(parts.test());
          evaluator.dispose();
          if (!Number.isNaN(result.accuracy)) accuracy.set(name, result.accuracy);
        }
        return "";
      },
    );
  } catch (error) {
    if (openedGpu() || data !== undefined || dataDir !== undefined) throw error;
    const reason = error instanceof Error ? error.message.split("\n")[0] : String(error);
    notes.push(`no accuracy: ${reason}`);
    return null;
  }
  return accuracy;
}
