// Fixtures of batch norm: the result, the updated running statistics, and the batch statistics.
import { batchNorm } from "../../src/ops/index.ts";
import { empty, type Tensor } from "../../src/tensor/index.ts";
import { type Handlers, input, runOutputs } from "./handler.ts";

export const normHandlers: Handlers = {
  batch_norm2d(attrs, c) {
    const training = attrs.boolean("train");
    const momentum = attrs.number("momentum", 0.1);
    const eps = attrs.number("eps", 1e-5);
    attrs.boolean("affine", c.inputs.includes("w"));
    return () => {
      let stats: { mean: Tensor; invstd: Tensor } | undefined;
      const y = (t: Readonly<Record<string, Tensor>>) => {
        const x = input(t, "x");
        const channels = [x.shape[1]!];
        const options = { training, momentum, eps };
        if (training) stats = { mean: empty(channels), invstd: empty(channels) };
        const mean = t["running_mean"] ?? null;
        const variance = t["running_var"] ?? null;
        return batchNorm(x, t["w"] ?? null, t["b"] ?? null, mean, variance, stats ? { ...options, stats } : options);
      };
      const after: Record<string, (t: Readonly<Record<string, Tensor>>) => Tensor> = {
        new_running_mean: (t) => input(t, "running_mean"),
        new_running_var: (t) => input(t, "running_var"),
        batch_mean: () => (stats as { mean: Tensor }).mean,
        batch_invstd: () => (stats as { invstd: Tensor }).invstd,
      };
      const wanted = Object.fromEntries(Object.entries(after).filter(([name]) => c.outputs.includes(name)));
      return runOutputs(c, { y }, wanted);
    };
  },
};
