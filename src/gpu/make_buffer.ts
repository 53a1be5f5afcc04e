// Makes a GPU buffer and hears what the device says of its memory.
import { mib } from "../text/index.ts";
import { MemoryError } from "./errors.ts";

/** Makes a buffer; `what` says for what, in an error. Throws MemoryError, or has it raised at the next dispatch or wait. */
export type MakeBuffer = (descriptor: GPUBufferDescriptor, what: string) => GPUBuffer;

export interface MakeBufferHost {
  /** Bytes in use and bytes held for reuse, at this moment. */
  memory(): { readonly live: number; readonly pooled: number };
  /** Hears an error scope out. */
  watch(scope: Promise<GPUError | null>, onError: (error: GPUError) => void): void;
  /** Keeps an error for the next dispatch or wait. */
  fail(error: MemoryError): void;
}

/** `device.createBuffer`, with a MemoryError in numbers where memory runs out: at once, or as soon as the device says so. */
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
