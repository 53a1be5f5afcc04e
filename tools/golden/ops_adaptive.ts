// Fixtures of Adam, AdamW and RMSProp, dense and with the soft threshold.
import type { Parameter } from "../../src/nn/index.ts";
import { Adam, AdamW, type Optimizer, RMSProp } from "../../src/optim/index.ts";
import { type Attrs, Unsupported } from "./attrs.ts";
import type { Handler, Handlers } from "./handler.ts";
import { latentTrajectory, NOTES, slatsSchedule, Track, trajectory } from "./ops_optim.ts";

/** Makes an optimiser of one parameter. */
type Make = (p: Parameter, mode: "none" | "latent") => Optimizer;

/** Read the shares of old moments. */
function betasOf(attrs: Attrs): readonly [number, number] {
  if (!attrs.has("betas")) return [0.9, 0.999];
  const [beta1, beta2, ...more] = attrs.list("betas");
  if (typeof beta1 !== "number" || typeof beta2 !== "number" || more.length > 0)
    throw new Unsupported("betas: expected two numbers");
  return [beta1, beta2];
}

/** Read the options of Adam or AdamW, whose default weight decay differs. */
const adam =
  (type: typeof Adam | typeof AdamW, decay: number) =>
  (attrs: Attrs): Make => {
    const options = {
      lr: attrs.number("lr", 1e-3),
      betas: betasOf(attrs),
      eps: attrs.number("eps", 1e-8),
      weightDecay: attrs.number("weight_decay", decay),
      amsgrad: attrs.boolean("amsgrad", false),
    };
    return (p, mode) => new type([p], { ...options, mode });
  };

function rmsprop(attrs: Attrs): Make {
  const options = {
    lr: attrs.number("lr", 1e-2),
    alpha: attrs.number("alpha", 0.99),
    eps: attrs.number("eps", 1e-8),
    weightDecay: attrs.number("weight_decay", 0),
    momentum: attrs.number("momentum", 0),
    centered: attrs.boolean("centered", false),
  };
  return (p, mode) => new RMSProp([p], { ...options, mode });
}

const dense =
  (read: (attrs: Attrs) => Make): Handler =>
  (attrs, c) => {
    attrs.ignore(...NOTES);
    const make = read(attrs);
    const steps = attrs.number("steps");
    return async () => {
      const track = new Track();
      await trajectory(c, { make: (p) => make(p, "none"), steps }, async (_p, now) => track.push(now));
      return { p: track.data };
    };
  };

const latent =
  (read: (attrs: Attrs) => Make): Handler =>
  (attrs, c) => {
    attrs.ignore(...NOTES);
    const make = read(attrs);
    const steps = attrs.number("steps");
    const schedule = slatsSchedule(attrs.number("final_threshold"), steps);
    return () => latentTrajectory(c, schedule, steps, (p) => make(p, "latent"));
  };

export const adaptiveHandlers: Handlers = {
  adam: dense(adam(Adam, 0)),
  adam_soft_threshold_latent: latent(adam(Adam, 0)),
  adamw: dense(adam(AdamW, 0.01)),
  adamw_soft_threshold_latent: latent(adam(AdamW, 0.01)),
  rmsprop: dense(rmsprop),
  rmsprop_soft_threshold_latent: latent(rmsprop),
};
