// Learned threshold pruning: a soft gate on each weight, and the soft count of remaining weights.

import forwardWgsl from "../../shaders/ltp_threshold.wgsl";
import backwardWgsl from "../../shaders/ltp_threshold_grad.wgsl";
import { defineOp, expectFloat, expectScalar, sumAxesInto } from "../autograd/index.ts";
import { grid1d, kernel, OpError } from "../gpu/index.ts";
import { empty, type Tensor } from "../tensor/index.ts";

const forwardKernel = kernel("ltp_threshold", forwardWgsl);
const backwardKernel = kernel("ltp_threshold_grad", backwardWgsl);

/** Options of `ltpThreshold` and `softL0`. */
export interface LtpOptions {
  /** Width of the transition, in units of w²; > 0. */
  temperature: number;
  /** Let gradients of w pass through the gate too: the exact derivative. False treats it as constant. Default false. */
  gradThroughMask?: boolean;
}

function define(name: string, GATE_ONLY: boolean) {
  return defineOp({
    name,
    options: ["temperature", "gradThroughMask"],
    infer([x, tau]: [x: Tensor, tau: Tensor], { temperature }: LtpOptions) {
      expectFloat(name, { x, tau });
      expectScalar(name, { tau });
      if (!(temperature > 0 && temperature < Number.POSITIVE_INFINITY))
        throw new OpError(name, `temperature: expected a number > 0, got ${temperature}`);
      return { shape: GATE_ONLY ? [] : x.shape, dtype: "f32" };
    },
    forward(y, [x, tau], { temperature }) {
      const values = GATE_ONLY ? empty([x.numel]) : y;
      forwardKernel.run({
        bind: { x, tau, y: values },
        params: { n: x.numel, temperature },
        spec: { GATE_ONLY },
        grid: grid1d(x.numel),
      });
      if (GATE_ONLY) sumAxesInto(name, y, values, [0]);
      return [x, tau];
    },
    backward(dy, [x, tau], { options: { temperature, gradThroughMask = false }, needs, out }) {
      const dx = GATE_ONLY && !gradThroughMask ? empty(x.shape) : out(0);
      const share = empty([x.numel]);
      backwardKernel.run({
        bind: { x, tau, dy, dx, share },
        params: { n: x.numel, temperature },
        spec: { GATE_ONLY, THROUGH_GATE: gradThroughMask },
        grid: grid1d(x.numel),
      });
      // Σ gate with the gates held constant does not depend on x.
      const weights = GATE_ONLY && !gradThroughMask ? null : dx;
      if (!needs[1]) return [weights, null];
      const dtau = out(1);
      sumAxesInto(name, dtau, share, [0]);
      return [weights, dtau];
    },
  });
}

/**
 * Compute y = x · sigmoid((x² - tau) / T): a soft mask with a learned threshold on the squared weight.
 *
 * Shapes    x [*], tau one element -> y [*].
 * Backward  dtau = -Σ dy x q with q = gate (1 - gate) / T; dx = dy · gate, plus 2 dy x² q with gradThroughMask.
 * Errors    OpError when tau has more than one element or the temperature is not > 0.
 * Source    Azarian et al. 2020 (LTP); there the gate counts as constant for the weights.
 */
export const ltpThreshold = define("ltpThreshold", false);

/**
 * Compute the soft L0 norm Σ sigmoid((x² - tau) / T), the soft count of remaining weights.
 *
 * Shapes    x [*], tau one element -> [].
 * Backward  dtau = -dy Σ q; dx = 2 dy x q with gradThroughMask, else none.
 * Errors    OpError when tau has more than one element or the temperature is not > 0.
 */
export const softL0 = define("softL0", true);
