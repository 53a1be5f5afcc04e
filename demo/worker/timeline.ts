// The kernels of one training step, in order, each with its time if the adapter has timestamps.
import { currentGpu, type Session } from "../../src/internal.ts";

interface TimelineRow {
  readonly kernel: string;
  readonly ms: number | null;
}

export interface StepTimer {
  /** Call when the step is enqueued. */
  stop(): Promise<TimelineRow[]>;
}

/** Start timing, right before a step is enqueued. Without timestamps the rows come from the recorded step. */
export async function timeStep(session: Session): Promise<StepTimer> {
  const gpu = currentGpu();
  if (!gpu.device.features.has("timestamp-query") || gpu.stream.timer) {
    const rows = () => session.step.describe().filter(({ grid }) => grid[0] > 0);
    return { stop: async () => rows().map(({ kernel }) => ({ kernel, ms: null })) };
  }
  const profile = await gpu.profile();
  let calls = 0;
  // A profile sums by name; a number in the name keeps calls apart and in order.
  gpu.stream.timer = {
    begin: (kernel) => profile.begin(`${calls++} ${kernel}`),
    flush: (encoder) => profile.flush(encoder),
  };
  const callIndex = (name: string) => Number.parseInt(name, 10);
  return {
    async stop() {
      const rows = await profile.stop();
      return rows
        .sort((a, b) => callIndex(a.kernel) - callIndex(b.kernel))
        .map(({ kernel, ms }) => ({ kernel: kernel.slice(kernel.indexOf(" ") + 1), ms }));
    },
  };
}
