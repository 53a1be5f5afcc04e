// Makes a GPU buffer and collects out-of-memory errors of the device.
import { mib } from "../text/index.ts";
import { MemoryError } from "./errors.ts";

/** Make a buffer; `what` describes it in errors. Throws MemoryError, or raises it at the next dispatch or wait. */
export type MakeBuffer = (descriptor: GPUBufferDescriptor, what: string) => GPUBuffer;

interface MakeBufferHost {
  /** Bytes in use and bytes kept for reuse. */
  memory(): { readonly live: number; readonly pooled: number };
  /** Collects the error of a scope. */
  watch(scope: Promise<GPUError | null>, onError: (error: GPUError) => void): void;
  /** Keep an error for the next dispatch or wait. */
  fail(error: MemoryError): void;
}

/** Call `device.createBuffer`. An out-of-memory error becomes a MemoryError with sizes, at once or when the device reports it. */
export function bufferMaker(device: GPUDevice, host: MakeBufferHost): MakeBuffer {
  return (descriptor, what) => {
    const { live, pooled } = host.memory();
    const at = { asked: descriptor.size, what, live, pooled };
    const outOfMemory = (words: string) =>
      new MemoryError(
        `out of GPU memory: ${mib(at.asked)} for ${what}, with ${mib(live)} in use and ${mib(pooled)} held for reuse (${words.trim() || "no reason given"})`,
        at,
      );
    device.pushErrorScope("out-of-memory");
    try {
      return device.createBuffer(descriptor);
    } catch (cause) {
      throw outOfMemory((cause as Error).message);
    } finally {
      host.watch(device.popErrorScope(), (error) => host.fail(outOfMemory(error.message)));
    }
  };
}
