// Times an ONNX file in ONNX Runtime on the CPU, if the package is installed.
import { availableParallelism } from "node:os";
import type { Shape, SpeedWay } from "../internal.ts";
import { importPackage } from "../node/packages.ts";
import type { Output } from "../terminal/output.ts";
import { plural } from "../text/index.ts";
import { makeIfInstalled } from "./optional_part.ts";

/** ONNX Runtime with the network of a file. */
export interface OnnxSpeed {
  readonly way: SpeedWay;
  /** Open the file, compute one batch, and close it. */
  load(bytes: Uint8Array, x: Float32Array): Promise<Float32Array>;
  close(): Promise<void>;
}

/** Make a way of an ONNX file with the input "input" and the output "logits". Prints what to install and returns null without ONNX Runtime. */
export function onnxSpeed(bytes: Uint8Array, sample: Shape, out: Output): Promise<OnnxSpeed | null> {
  return makeIfInstalled(out, async () => {
    const need = "times of ONNX Runtime need";
    const runtime = await importPackage("onnxruntime-web", need, () => import("onnxruntime-web"));
    const threads = availableParallelism();
    runtime.env.wasm.numThreads = threads;
    runtime.env.logLevel = "error";
    const open = (file: Uint8Array) => runtime.InferenceSession.create(file, { executionProviders: ["wasm"] });
    const session = await open(bytes);
    const feedOf = (x: Float32Array, size: number) => ({ input: new runtime.Tensor("float32", x, [size, ...sample]) });
    return {
      way: {
        name: `ONNX Runtime (CPU), ${plural(threads, "thread")}`,
        async open(x, size) {
          const feed = feedOf(x, size);
          const pass = async () => (await session.run(feed))["logits"]!.data as Float32Array;
          return {
            async run(times) {
              for (let i = 0; i < times; i++) await pass();
            },
            logits: pass,
            close: () => {},
          };
        },
      },
      async load(file, x) {
        const own = await open(file);
        const { logits } = await own.run(feedOf(x, 1));
        const values = logits!.data as Float32Array;
        await own.release();
        return values;
      },
      close: () => session.release(),
    };
  });
}
