// Loads learned thresholds: the modes `str` and `ltp` of SGD.
import ltpWgsl from "../../shaders/sgd_ltp.wgsl";
import strWgsl from "../../shaders/sgd_str.wgsl";
import { kernel } from "../gpu/index.ts";
import { setLearnedParts } from "./learned_parts.ts";
import { LearnedThresholds } from "./learned_thresholds.ts";

const updates = {
  str: kernel("sgd_str", strWgsl),
  ltp: kernel("sgd_ltp", ltpWgsl),
};

/** Add the modes `str` and `ltp` to SGD. `pruningGroups` calls it for groups of these modes. */
export function enableLearnedThresholds(): void {
  setLearnedParts({ make: (chunk, options, sums) => new LearnedThresholds(chunk, options, sums), updates });
}
