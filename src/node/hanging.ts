// Answers if the GPU of this process hangs, without loading the engine: most calls of the command open no GPU.

let hangs = (): boolean => false;

/** Receive the answer from the device that was opened. */
export function noteOpenGpu(answer: () => boolean): void {
  hangs = answer;
}

/** Return true if the device in use hangs: its driver may keep this process from ending. */
export const gpuHangs = (): boolean => hangs();
