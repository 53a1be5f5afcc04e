// All benchmarks. `largeCases` keep a hardware adapter busy and would take hours on a software one.
import type { BenchCase } from "../lib/case.ts";
import { batchNormCases, batchNormLargeCases } from "./batch_norm.ts";
import { conv2dCases, conv2dLargeCases } from "./conv2d.ts";
import { elementwiseCases, elementwiseLargeCases } from "./elementwise.ts";
import { hostCases } from "./host.ts";
import { lifCases, lifLargeCases } from "./lif.ts";
import { matmulCases, matmulLargeCases } from "./matmul.ts";
import { poolCases, poolLargeCases } from "./pool.ts";
import { reductionCases, reductionLargeCases } from "./reduction.ts";
import { softmaxCases, softmaxLargeCases } from "./softmax.ts";
import { stepCases, stepLargeCases } from "./steps.ts";
import { updateCases, updateLargeCases } from "./update.ts";
import { updateGroupCases, updateGroupLargeCases } from "./update_groups.ts";

export const cases: readonly BenchCase[] = [
  ...matmulCases,
  ...conv2dCases,
  ...batchNormCases,
  ...lifCases,
  ...poolCases,
  ...softmaxCases,
  ...elementwiseCases,
  ...reductionCases,
  ...updateCases,
  ...updateGroupCases,
  ...hostCases,
  ...stepCases,
];

export const largeCases: readonly BenchCase[] = [
  ...matmulLargeCases,
  ...conv2dLargeCases,
  ...batchNormLargeCases,
  ...lifLargeCases,
  ...poolLargeCases,
  ...softmaxLargeCases,
  ...elementwiseLargeCases,
  ...reductionLargeCases,
  ...updateLargeCases,
  ...updateGroupLargeCases,
  ...hostCases,
  ...stepLargeCases,
];
