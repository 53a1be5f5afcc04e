// Runs ONNX Runtime in tests: its wasm build in Node, on one thread.
import * as ort from "onnxruntime-web";
import type { StateDict } from "../../src/nn/index.ts";
import type { Shape } from "../../src/tensor/index.ts";

ort.env.wasm.numThreads = 1;
ort.env.logLevel = "error";

export interface HostTensor {
  readonly data: Float32Array;
  readonly shape: Shape;
}

/** An input: f32 or i32. */
export interface HostInput {
  readonly data: Float32Array | Int32Array;
  readonly shape: Shape;
}

/** A model that runs: named arrays in, named arrays out. */
export interface Runtime {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  run(feeds: Readonly<Record<string, HostInput>>): Promise<Record<string, HostTensor>>;
  release(): Promise<void>;
}

/** Loads an ONNX file. ONNX Runtime checks types and shapes of the whole graph here. */
export async function loadOnnx(bytes: Uint8Array): Promise<Runtime> {
  const session = await ort.InferenceSession.create(bytes, { executionProviders: ["wasm"] });
  return {
    inputs: session.inputNames,
    outputs: session.outputNames,
    async run(feeds) {
      const tensors = Object.entries(feeds).map(([name, { data, shape }]) => {
        const t =
          data instanceof Int32Array ? new ort.Tensor("int32", data, shape) : new ort.Tensor("float32", data, shape);
        return [name, t] as const;
      });
      const results = await session.run(Object.fromEntries(tensors));
      return Object.fromEntries(
        Object.entries(results).map(([name, t]) => [name, { data: t.data as Float32Array, shape: t.dims }]),
      );
    },
    release: () => session.release(),
  };
}

/** Largest difference over the largest magnitude of `wanted`. */
export function relativeError(got: Float32Array, wanted: Float32Array): number {
  if (got.length !== wanted.length) throw new Error(`${got.length} numbers, expected ${wanted.length}`);
  let difference = 0;
  let scale = 0;
  for (const [i, w] of wanted.entries()) {
    const d = Math.abs(got[i]! - w);
    if (Number.isNaN(d)) return Number.NaN;
    difference = Math.max(difference, d);
    scale = Math.max(scale, Math.abs(w));
  }
  return difference / scale;
}

/** The same weights with about the smallest nine tenths of every tensor of two axes and more set to zero. */
export function pruned(weights: StateDict, share = 0.9): StateDict {
  const cut = new Map(weights);
  for (const [name, { data, shape }] of weights) {
    if (shape.length < 2) continue;
    const values = Float32Array.from(data as Float32Array);
    // A few thousand samples estimate the 0.9 quantile.
    const stride = Math.ceil(values.length / 4096);
    const sizes = values
      .filter((_, i) => i % stride === 0)
      .map(Math.abs)
      .sort();
    const threshold = sizes[Math.floor(share * (sizes.length - 1))]!;
    for (let i = 0; i < values.length; i++) if (Math.abs(values[i]!) <= threshold) values[i] = 0;
    cut.set(name, { data: values, shape });
  }
  return cut;
}
