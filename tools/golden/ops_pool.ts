// Fixtures of pooling and local response normalisation.
import { adaptiveAvgPool2d, avgPool2d, localResponseNorm, maxPool2d, maxPool2dIndices } from "../../src/ops/index.ts";
import type { Attrs } from "./attrs.ts";
import { type Handlers, input, runOp, runOutputs } from "./handler.ts";

const windowOptions = (attrs: Attrs) => {
  const kernel = attrs.pair("kernel");
  const stride = attrs.has("stride") ? attrs.pair("stride") : kernel;
  return { kernel, stride, padding: attrs.pair("padding", 0), ceilMode: attrs.boolean("ceil_mode", false) };
};

export const poolHandlers: Handlers = {
  max_pool2d(attrs, c) {
    const options = windowOptions(attrs);
    const also = c.outputs.includes("index")
      ? { index: (t: Parameters<typeof input>[0]) => maxPool2dIndices(input(t, "x"), options) }
      : {};
    return () => runOutputs(c, { y: (t) => maxPool2d(input(t, "x"), options) }, also);
  },
  avg_pool2d(attrs, c) {
    const options = { ...windowOptions(attrs), countIncludePad: attrs.boolean("count_include_pad", true) };
    return () => runOp(c, (t) => avgPool2d(input(t, "x"), options));
  },
  adaptive_avg_pool2d(attrs, c) {
    const outputSize = attrs.pair("output_size");
    return () => runOp(c, (t) => adaptiveAvgPool2d(input(t, "x"), { outputSize }));
  },
  local_response_norm(attrs, c) {
    const options = {
      size: attrs.number("size"),
      alpha: attrs.number("alpha", 1e-4),
      beta: attrs.number("beta", 0.75),
      k: attrs.number("k", 1),
    };
    return () => runOp(c, (t) => localResponseNorm(input(t, "x"), options));
  },
};
