// IMP: iterative magnitude pruning with rewinding, the search for lottery tickets (Frankle and Carbin 2019; Frankle et al. 2020).
//     train to the end;  cut the smallest weights;  set the others to their values of step k, and the rest of the state too;  repeat
//     after cut r of R a layer keeps the share (kept at the end)^(r / R) of its weights, so each cut takes the same share
//     with `group`, the groups of the smallest root mean square; the last one may exceed the target
// The epochs of the run hold all trainings: the first from step 0, the R others from step k. Each repeats the learning rates of its
// steps (planRun), with other batches. Momentum, or the moments of Adam, start from zero after a cut.
import { allocate, copyBytes, fillZero, type Tensor } from "../../tensor/index.ts";
import { type Budget, budgetOf } from "../budget.ts";
import { groupOf, type PruneConfig, type RunShape } from "../config.ts";
import { cutSmallest } from "../cut.ts";
import { type MagnitudeArena, MagnitudeSelect } from "../magnitude_select.ts";
import { noThreshold, type PruningMethod, type PruningRun } from "../method.ts";
import { trainingAt, trainingsOf } from "../trainings.ts";
import { prunedArenas } from "./pruned.ts";
import { arenasToCut } from "./ranked.ts";

export function imp(config: PruneConfig, run: RunShape): PruningMethod {
  const trainings = trainingsOf(config, run.mainSteps / run.stepsPerEpoch, run.stepsPerEpoch);
  const divide = budgetOf(config, "imp", "global");
  const group = groupOf(config);
  const { steps, rewind, cuts } = trainings;
  const isFirst = (n: number) => n >= steps && (n - steps) % (steps - rewind) === 0 && trainingAt(trainings, n) <= cuts;
  let early: Rewind | undefined;
  return {
    ...noThreshold,
    name: group ? `imp ${group}` : "imp",
    group: { mode: "inplace" },
    // As long as no weight is zero, masked training is dense training.
    phase: () => "mask",
    progressAt: (n) => Math.min(cuts, trainingAt(trainings, Math.max(0, n - 1))) / cuts,
    begin(own) {
      early = new Rewind(own, divide(own), arenasToCut(own, group));
    },
    async prepare() {
      if (rewind === 0) early?.keep();
    },
    // Not after the last step of a training: the test of the epoch is that of the trained weights.
    beforeStep(n) {
      if (isFirst(n)) early?.cut(trainingAt(trainings, n) / cuts);
    },
    afterStep(done) {
      if (done === rewind) early?.keep();
    },
    state: () => early?.state() ?? new Map(),
    dispose: () => early?.dispose(),
  };
}

/** Return the zeros of each row after this fraction of the cuts. */
export const zerosAfter = ({ weights, zeros }: Pick<Budget, "weights" | "zeros">, fraction: number): number[] =>
  weights.map((n, row) =>
    fraction === 1 ? Math.floor(zeros[row]!) : Math.floor(n * (1 - (1 - zeros[row]! / n) ** fraction)),
  );

/** Allocate memory for a copy, which outlives the step. */
function roomFor({ numel }: Tensor): Tensor {
  const copy = allocate([numel], "f32", { persistent: true, scoped: false, inParts: true });
  fillZero(copy);
  return copy;
}

/** The weights and running statistics of an early step, to which a model returns. */
class Rewind {
  private readonly run: PruningRun;
  private readonly budget: Budget;
  private readonly ranked: readonly MagnitudeArena[];
  private readonly weights: readonly Tensor[];
  private readonly select: MagnitudeSelect;
  /** Copies of the pruned arenas, of the other arenas, and of the running statistics. */
  private readonly pruned: readonly Tensor[];
  private readonly others: readonly (readonly [live: Tensor, copy: Tensor])[];

  /** `ranked`: magnitudes to select from. */
  constructor(run: PruningRun, budget: Budget, ranked: readonly MagnitudeArena[]) {
    this.run = run;
    this.budget = budget;
    const { model, optimizer } = run;
    this.ranked = ranked;
    this.weights = prunedArenas(optimizer).map(({ values }) => values);
    this.select = new MagnitudeSelect(ranked, { scope: budget.scope });
    this.pruned = this.weights.map(roomFor);
    const dense = optimizer.groups.filter((g) => g.options.mode === "none").flatMap((g) => g.chunks);
    const params = new Set<unknown>(model.parameters());
    const statistics = [...model.namedState()].map(([, t]) => t).filter((t) => !params.has(t));
    this.others = [...dense.map((c) => c.theta), ...statistics].map((live) => [live, roomFor(live)]);
  }

  /** Copy the state, to return to it. */
  keep(): void {
    for (const [k, values] of this.weights.entries()) copyBytes(this.pruned[k]!, values);
    for (const [live, copy] of this.others) copyBytes(copy, live);
  }

  /** Cut the smallest weights, and set the others to their early values. */
  cut(fraction: number): void {
    const { ranked, weights, select, pruned } = this;
    select.setRanks(zerosAfter(this.budget, fraction));
    select.run();
    // The copy is cut at the same entries. Weights that were zero before are the smallest, so masks only grow.
    cutSmallest(
      select,
      ranked.map((arena, k) => ({ ...arena, velocity: pruned[k]!, copies: [] })),
    );
    for (const [k, values] of weights.entries()) copyBytes(values, pruned[k]!);
    for (const [live, copy] of this.others) copyBytes(live, copy);
    for (const { velocity, moments } of this.run.optimizer.chunks) {
      for (const state of [velocity, moments]) if (state) fillZero(state);
    }
  }

  state(): Map<string, Tensor> {
    return new Map([
      ...this.pruned.map((t, k): [string, Tensor] => [`imp.weights.${k}`, t]),
      ...this.others.map(([, t], k): [string, Tensor] => [`imp.others.${k}`, t]),
    ]);
  }

  dispose(): void {
    this.select.dispose();
    for (const t of this.pruned) t.dispose();
    for (const [, t] of this.others) t.dispose();
  }
}
