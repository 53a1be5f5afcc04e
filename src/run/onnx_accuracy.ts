// Tests an ONNX file in ONNX Runtime on batches of the engine, if the package is installed.
import { argmaxRows, BatchInput, type BatchInputOptions, type HostBatches, tidy } from "../internal.ts";
import { importPackage } from "../node/packages.ts";
import type { Output } from "../terminal/output.ts";
import { makeIfInstalled } from "./optional_part.ts";

/** Share of samples whose largest logit is the target's. */
interface Accuracy {
  readonly accuracy: number;
  readonly samples: number;
}

/**
 * Measure the accuracy of an ONNX file with the input "input" and the output "logits". Prints what to install and returns null
 * without ONNX Runtime.
 */
export function onnxAccuracy(
  bytes: Uint8Array,
  batches: HostBatches,
  options: Omit<BatchInputOptions, "name">,
  out: Output,
): Promise<Accuracy | null> {
  return makeIfInstalled(out, async () => {
    const need = "a test in ONNX Runtime needs";
    const runtime = await importPackage("onnxruntime-web", need, () => import("onnxruntime-web"));
    runtime.env.wasm.numThreads = 1;
    runtime.env.logLevel = "error";
    const session = await runtime.InferenceSession.create(bytes, { executionProviders: ["wasm"] });
    using input = new BatchInput({ name: "onnx", ...options });
    let [correct, samples] = [0, 0];
    try {
      for await (const batch of batches) {
        const { size, y } = batch;
        using x = tidy(() => input.tensors(batch).x);
        const feed = new runtime.Tensor("float32", (await x.data()) as Float32Array, [...x.shape]);
        const { logits } = await session.run({ input: feed });
        correct += argmaxRows(logits!.data as Float32Array, size).filter((best, i) => best === y[i]).length;
        samples += size;
        batches.recycle?.(batch);
      }
    } finally {
      await session.release();
    }
    return { accuracy: correct / samples, samples };
  });
}
