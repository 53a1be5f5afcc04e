// Largest value over axes.
import forwardWgsl from "../../shaders/max_reduce.wgsl";
import scatterWgsl from "../../shaders/scatter.wgsl";
import { axesStep, defineOp, expectActivations, lanesFor, splitAxes } from "../autograd/index.ts";
import { grid1d, kernel } from "../gpu/index.ts";
import { actSpec, empty, fillZero, type Tensor } from "../tensor/index.ts";
import { type ReduceOptions, reducedShape } from "./sum.ts";

const forwardKernel = kernel("max_reduce", forwardWgsl);
const scatterKernel = kernel("scatter", scatterWgsl);

/**
 * Compute the maximum over axes (all by default).
 *
 * Shapes    x [*] -> y without the axes, or with ones instead (keepdims).
 * Backward  the whole gradient goes to the first largest element.
 * Errors    OpError for an axis out of range or named twice.
 */
export const max = defineOp({
  name: "max",
  options: ["axes", "keepdims"],
  infer([x]: [x: Tensor], options: ReduceOptions) {
    expectActivations("max", { x });
    return { shape: reducedShape("max", x.shape, options).shape, dtype: x.dtype };
  },
  forward(y, [x], options) {
    const { axes } = reducedShape("max", x.shape, options);
    const { kept, summed } = splitAxes("max", x.shape, (axis) => axes.includes(axis));
    const winner = empty(y.shape, "u32");
    const { spec, grid } = lanesFor(x.numel / y.numel, y.numel);
    forwardKernel.run({
      bind: { x, y, winner },
      params: {
        kept: kept.size,
        kept_stride: kept.stride,
        reduced: summed.size,
        reduced_stride: summed.stride,
        ...axesStep(summed, spec.LANES),
        outputs: y.numel,
        terms: x.numel / y.numel,
      },
      spec: { ...spec, ...actSpec(x) },
      grid,
    });
    return [winner];
  },
  backward(dy, [winner], { out }) {
    const dx = out(0);
    fillZero(dx);
    scatterKernel.run({
      bind: { x: dy, winner, y: dx },
      params: { n: dy.numel },
      spec: actSpec(dx),
      grid: grid1d(dy.numel),
    });
    return [dx];
  },
});
