// The forms of a pruned network whose speed is compared: dense, by sparse kernels, compacted, and both.
import { OpError } from "../gpu/index.ts";
import {
  type Module,
  type SparseKernels,
  type SparseLayerInfo,
  type SparseModel,
  type StateDict,
  sparsify,
} from "../nn/index.ts";
import { applyCompaction, type Compaction, planCompaction } from "../prune/index.ts";
import type { Shape } from "../tensor/index.ts";
import { plural } from "../text/index.ts";

/** Names of the forms. */
export const SPEED_FORMS = ["dense", "sparse kernels", "compact", "compact, sparse kernels"] as const;
/** Name of a form; see SPEED_FORMS. */
export type SpeedFormName = (typeof SPEED_FORMS)[number];

/** A network in one form, on the GPU, in evaluation mode. */
export interface SpeedForm extends Disposable {
  readonly name: SpeedFormName;
  readonly model: Module;
  /** Weights by the names of this form's network. */
  readonly weights: StateDict;
  /** Kernels of the layers; empty for dense ones. */
  readonly kernels: readonly SparseLayerInfo[];
}

/** A network, its weights, and the kernels of its sparse forms. */
export interface SpeedSubject {
  /** Builds the network. */
  build(): Module;
  readonly weights: StateDict;
  readonly sample: Shape;
  /** Default auto. */
  readonly kernels?: SparseKernels;
}

/** All forms of a network. */
export interface SpeedForms extends Disposable {
  readonly forms: readonly SpeedForm[];
  /** The compacted network; null if it cannot be compacted. */
  readonly compacted: Compaction | null;
  /** Reasons for forms that are missing. */
  readonly notes: readonly string[];
}

async function openForm(
  name: SpeedFormName,
  model: Module,
  weights: StateDict,
  kernels: SparseKernels | null,
): Promise<SpeedForm> {
  let sparse: SparseModel | null = null;
  try {
    model.loadStateDict(weights);
    model.eval();
    sparse = kernels === null ? null : await sparsify(model, { kernels });
  } catch (error) {
    model.dispose();
    throw error;
  }
  return {
    name,
    model,
    weights,
    kernels: sparse?.layers ?? [],
    [Symbol.dispose]() {
      sparse?.dispose();
      model.dispose();
    },
  };
}

/** Plan the compacted network; the reason if there is none. */
function planOf({ build, weights, sample }: SpeedSubject): Compaction | string {
  const model = build();
  try {
    return planCompaction(model, { sample, weights });
  } catch (error) {
    if (error instanceof OpError) return error.message;
    throw error;
  } finally {
    model.dispose();
  }
}

/** Make all forms of a network. Waits for the GPU. Dispose the result. */
export async function openSpeedForms(subject: SpeedSubject): Promise<SpeedForms> {
  const { build, weights, kernels = "auto" } = subject;
  const plan = planOf(subject);
  const forms: SpeedForm[] = [];
  const dispose = () => {
    for (const form of forms) form[Symbol.dispose]();
  };
  try {
    forms.push(await openForm("dense", build(), weights, null));
    forms.push(await openForm("sparse kernels", build(), weights, kernels));
    if (typeof plan !== "string") {
      const small = () => {
        const model = build();
        applyCompaction(model, plan.sizes);
        return model;
      };
      forms.push(await openForm("compact", small(), plan.weights, null));
      forms.push(await openForm("compact, sparse kernels", small(), plan.weights, kernels));
    }
  } catch (error) {
    dispose();
    throw error;
  }
  return {
    forms,
    compacted: typeof plan === "string" ? null : plan,
    notes: typeof plan === "string" ? [`no compact form: ${plan.replace(/^compact: /, "")}`] : [],
    [Symbol.dispose]: dispose,
  };
}

/** Count the layers of each kernel: "block 8 in 3 layers, dense in 1". */
export function kernelCounts(layers: readonly SparseLayerInfo[]): string {
  const counts = new Map<string, number>();
  for (const { kernel } of layers) counts.set(kernel, (counts.get(kernel) ?? 0) + 1);
  return [...counts].map(([kernel, n]) => `${kernel} in ${plural(n, "layer")}`).join(", ");
}
