// Fixtures of learned thresholds: twenty steps of LTP and of STR, with the threshold as a parameter.

import { Tape } from "../../src/autograd/index.ts";
import { Parameter } from "../../src/nn/index.ts";
import { ltpThreshold, softL0, strThreshold } from "../../src/ops/index.ts";
import { SGD } from "../../src/optim/index.ts";
import { Scope, tensor } from "../../src/tensor/index.ts";
import { tensorOf } from "./format.ts";
import type { Handlers } from "./handler.ts";
import { NOTES, oracle, parameterFrom, Track } from "./ops_optim.ts";

export const learnedThresholdHandlers: Handlers = {
  ltp_trajectory(attrs, c) {
    attrs.ignore(...NOTES);
    const temperature = attrs.number("T");
    const lr = attrs.number("lr");
    const lrTau = attrs.number("lr_tau");
    const momentum = attrs.number("momentum", 0);
    const l0 = attrs.number("l0_coefficient");
    const steps = attrs.number("steps");
    return async () => {
      const w = parameterFrom(c, "p0");
      const tau = parameterFrom(c, "tau0");
      const sgd = new SGD(
        [
          { params: [w], momentum },
          { params: [tau], lr: lrTau },
        ],
        { lr },
      );
      const [weights, thresholds, used, usedL0] = [new Track(), new Track(), new Track(), new Track()];
      for (let k = 0; k < steps; k++) {
        using _scope = new Scope();
        {
          using tape = new Tape();
          const y = tape.keep(ltpThreshold(w, tau, { temperature, gradThroughMask: true }));
          const values = await y.data();
          used.push(values);
          tape.backward(y, tensor(oracle(c, values, k), y.shape));
        }
        {
          using tape = new Tape();
          const gates = tape.keep(softL0(w, tau, { temperature, gradThroughMask: true }));
          usedL0.push(await gates.data());
          tape.backward(gates, tensor([l0], []));
        }
        sgd.step();
        weights.push(await w.data());
        thresholds.push(await tau.data());
      }
      sgd.dispose();
      for (const p of [w, tau]) p.dispose();
      return { w: weights.data, tau: thresholds.data, y_used: used.data, soft_l0_used: usedL0.data };
    };
  },
  str_trajectory(attrs, c) {
    attrs.ignore(...NOTES);
    const options = {
      lr: attrs.number("lr"),
      momentum: attrs.number("momentum", 0),
      weightDecay: attrs.number("weight_decay", 0),
    };
    const steps = attrs.number("steps");
    return async () => {
      const x = parameterFrom(c, "p0");
      const first = tensorOf(c, "s0");
      const s = new Parameter(first.shape, () => Float32Array.from(first.data));
      const sgd = new SGD([x, s], options);
      const [latent, score, used] = [new Track(), new Track(), new Track()];
      for (let k = 0; k < steps; k++) {
        using _scope = new Scope();
        using tape = new Tape();
        const w = tape.keep(strThreshold(x, s));
        const values = await w.data();
        used.push(values);
        tape.backward(w, tensor(oracle(c, values, k), w.shape));
        sgd.step();
        latent.push(await x.data());
        score.push(await s.data());
      }
      sgd.dispose();
      for (const p of [x, s]) p.dispose();
      return { x: latent.data, s: score.data, w_used: used.data };
    };
  },
};
