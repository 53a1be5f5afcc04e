// A choice for the tuner's tests: candidates that run one kernel several times over.
import type { Candidate, Choice } from "../../src/gpu/index.ts";
import type { TuneClock } from "../../src/gpu/tune_trial.ts";
import { softThreshold } from "../../src/ops/soft_threshold.ts";
import { Scope, tensor } from "../../src/tensor/index.ts";

interface Times extends Candidate {
  readonly times: number;
}

/** Candidates by label, each with how often it runs the kernel; the first is the rule's. */
export function soft(key: string, candidates: Readonly<Record<string, number>>, work = 1): Choice<Times> {
  const [rule, ...others] = Object.entries(candidates).map(([label, times]): Times => ({ label, times }));
  return {
    key,
    work,
    rule: () => rule!,
    others: () => others,
    trial: () => {
      const x = Scope.release(tensor(new Float32Array(2 ** 16)));
      const d = Scope.release(tensor([0.5]));
      return {
        run({ times }) {
          for (let i = 0; i < times; i++) {
            using _scope = new Scope();
            softThreshold(x, d);
          }
        },
        dispose() {
          x.dispose();
          d.dispose();
        },
      };
    },
  };
}

/** A clock by which each dispatch takes a millisecond, on an adapter with this peak; it counts what it measures. */
export function countingClock(peak: Awaited<ReturnType<TuneClock["peak"]>> = null): TuneClock & { samples: number[] } {
  const samples: number[] = [];
  return {
    samples,
    time: async (_gpu, run, dispatches) => {
      run();
      samples.push(dispatches);
      return dispatches;
    },
    peak: async () => peak,
  };
}
