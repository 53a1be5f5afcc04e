// Fixtures of the sparse-group soft threshold: the op, and its trajectories in SGD.
import { sparseGroupSoftThreshold } from "../../src/ops/index.ts";
import { enableWeightGroups, SGD } from "../../src/optim/index.ts";
import { scalar } from "../../src/tensor/index.ts";
import { type Attrs, Unsupported } from "./attrs.ts";
import { type Handler, type Handlers, input, runOp } from "./handler.ts";
import { latentTrajectory, NOTES, sgdOptions, slatsSchedule, Track, trajectory } from "./ops_optim.ts";

/** Read the groups of SGD. */
function groupOf(attrs: Attrs) {
  const kind = attrs.word("groups", ["block", "filter"]);
  const block = attrs.number("block", 0);
  if (kind === "filter") return "filter";
  if (block === 8) return "block8";
  if (block === 4) return "block4";
  throw new Unsupported(`attribute block = ${block}; the optimiser knows 8 and 4`);
}

const sgd =
  (mode: "latent" | "inplace"): Handler =>
  (attrs, c) => {
    attrs.ignore(...NOTES, "formula");
    enableWeightGroups();
    const [d1, d2, steps] = [attrs.number("final_d1"), attrs.number("final_d2"), attrs.number("steps")];
    const all = d1 + d2;
    const options = { ...sgdOptions(attrs), mode, group: groupOf(attrs), groupShare: all > 0 ? d2 / all : 1 } as const;
    const schedule = slatsSchedule(all, steps);
    return async () => {
      if (mode === "latent") {
        const { theta, w } = await latentTrajectory(c, schedule, steps, (p) => new SGD([p], options));
        return { theta: theta!, w: w! };
      }
      const w = new Track();
      const values = (k: number) => ({ threshold: schedule.at(k), thresholdNext: schedule.at(k + 1) });
      await trajectory(c, { make: (p) => new SGD([p], options), steps, values }, async (_p, now) => w.push(now));
      return { theta: w.data, w: w.data };
    };
  };

export const structuredHandlers: Handlers = {
  sparse_group_soft_threshold(attrs, c) {
    attrs.ignore("formula");
    const groups = attrs.word("groups", ["block", "filter", "all"]);
    const block = attrs.number("block", 8);
    const options = { groups, ...(groups === "block" ? { block } : {}) };
    const [d1, d2] = [attrs.number("d1"), attrs.number("d2")];
    return () => runOp(c, (t) => sparseGroupSoftThreshold(input(t, "x"), scalar(d1), scalar(d2), options));
  },
  sgd_sparse_group_latent: sgd("latent"),
  sgd_sparse_group_inplace: sgd("inplace"),
};
