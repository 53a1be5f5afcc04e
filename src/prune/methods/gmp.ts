// GMP: gradual magnitude pruning (Zhu and Gupta 2018), and one-shot pruning, a single cut.
//     p(n) = target · (1 - (1 - x)³),  x = (n - start) / window
// Every `every` steps the floor(p · weights) smallest weights of each layer (`scope: global`: of all layers together) become zero
// and stay zero. With `group`, groups of the smallest root mean square do; the last one may exceed the target. The published form stores the cut weights, which may return; with p rising, that is rare. By default the window
// ends at three quarters of the run, so that the rest can recover from the last cuts.
import { budgetOf } from "../budget.ts";
import { check, groupOf, type PruneConfig, type RunShape, spanOf } from "../config.ts";
import { cutSmallest } from "../cut.ts";
import { MagnitudeSelect } from "../magnitude_select.ts";
import { noThreshold, type PruningMethod } from "../method.ts";
import { cubic } from "../schedules/closed_forms.ts";
import { arenasToCut } from "./ranked.ts";

export function gmp(config: PruneConfig, run: RunShape): PruningMethod {
  const { every = 32, window } = config;
  check("every", "an integer >= 1", every, Number.isInteger(every) && every >= 1);
  const { start, freeze } = spanOf(config, run);
  const whole = Math.min(freeze, run.mainSteps) - start;
  const wanted = window === undefined ? (3 / 4) * whole : window * run.stepsPerEpoch;
  const steps = Math.min(Math.max(1, Math.round(wanted)), whole);
  const due = (done: number) => {
    const n = done - start;
    return n > 0 && n <= steps && (n % every === 0 || n === steps);
  };
  const fraction = (done: number) => cubic(Math.min(1, Math.max(0, (done - start) / steps)));
  return magnitude("gmp", config, due, fraction, start + steps);
}

export function oneShot(config: PruneConfig, run: RunShape): PruningMethod {
  const { start } = spanOf(config, run);
  const fraction = (done: number) => (done >= start ? 1 : 0);
  return magnitude("one-shot", config, (done) => done === start, fraction, start);
}

/** Make a method that cuts after the steps that are `due`, of which `end` is the last, to the share `fraction` of the target. */
function magnitude(
  name: string,
  config: PruneConfig,
  due: (done: number) => boolean,
  fraction: (done: number) => number,
  end: number,
): PruningMethod {
  const divide = budgetOf(config, name);
  const group = groupOf(config);
  let cut = (_done: number): void => {};
  let select: MagnitudeSelect | undefined;
  return {
    ...noThreshold,
    name: group ? `${name} ${group}` : name,
    group: { mode: "inplace" },
    // As long as no weight is zero, masked training is dense training.
    phase: () => "mask",
    isFrozen: (done) => done >= end,
    progressAt: fraction,
    begin(run) {
      const arenas = arenasToCut(run, group);
      const { scope, zeros } = divide(run);
      const chosen = new MagnitudeSelect(arenas, { scope });
      select = chosen;
      cut = (done) => {
        chosen.setRanks(zeros.map((n) => Math.floor(fraction(done) * n)));
        chosen.run();
        cutSmallest(chosen, arenas);
      };
    },
    async prepare() {
      if (due(0)) cut(0);
    },
    afterStep(done) {
      if (due(done)) cut(done);
    },
    dispose: () => select?.dispose(),
  };
}
