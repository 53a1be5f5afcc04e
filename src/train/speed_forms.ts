// The forms of a pruned network whose speed is compared: dense, by sparse kernels, compacted, and both.
import { OpError } from "../gpu/index.ts";
import {
  type Module,
  type SparseKernels,
  type SparseLayerInfo,
  type SparseModel,
  type SparsifyOptions,
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

/** A form before it is opened. */
interface FormSource {
  readonly name: SpeedFormName;
  readonly model: Module;
  readonly weights: StateDict;
}

/** Open a form. `sparse`: use sparse kernels, with the layers' ends inside where the trace of `sample` shows them. Owns the model. */
async function openForm({ name, model, weights }: FormSource, options: SparsifyOptions | null): Promise<SpeedForm> {
  let sparse: SparseModel | null = null;
  try {
    model.loadStateDict(weights);
    model.eval();
    sparse = options && (await sparsify(model, options));
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
  const { build, weights, sample, kernels = "auto" } = subject;
  const options = { kernels, sample };
  const plan = planOf(subject);
  const forms: SpeedForm[] = [];
  const dispose = () => {
    for (const form of forms) form[Symbol.dispose]();
  };
  try {
    forms.push(await openForm({ name: "dense", model: build(), weights }, null));
    forms.push(await openForm({ name: "sparse kernels", model: build(), weights }, options));
    if (typeof plan !== "string") {
      const small = () => {
        const model = build();
        applyCompaction(model, plan.sizes);
        return model;
      };
      forms.push(await openForm({ name: "compact", model: small(), weights: plan.weights }, null));
      forms.push(await openForm({ name: "compact, sparse kernels", model: small(), weights: plan.weights }, options));
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
