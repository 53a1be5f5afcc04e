// Convolution by its definition. Tests and the bench compare the tiled kernels with it.
import gradInputWgsl from "../../../shaders/conv2d_grad_input_naive.wgsl";
import gradWeightWgsl from "../../../shaders/conv2d_grad_weight_naive.wgsl";
import forwardWgsl from "../../../shaders/conv2d_naive.wgsl";
import { grid1d, kernel } from "../../gpu/index.ts";
import { actSpec, type Tensor } from "../../tensor/index.ts";
import { setNaiveConvolution } from "./naive_parts.ts";
import { type ConvShape, definitionParams } from "./shape.ts";

const forwardKernel = kernel("conv2d_naive", forwardWgsl);
const gradInputKernel = kernel("conv2d_grad_input_naive", gradInputWgsl);
const gradWeightKernel = kernel("conv2d_grad_weight_naive", gradWeightWgsl);

/** Compute y [N,O,OH,OW] from x [N,C,H,W], w [O,C/groups,kh,kw] and b [O] or null. */
function naiveForward(s: ConvShape, y: Tensor, x: Tensor, w: Tensor, b: Tensor | null): void {
  const params = { ...definitionParams(s), has_bias: b ? 1 : 0 };
  forwardKernel.run({ bind: { x, w, b: b ?? w, y }, params, spec: actSpec(x), grid: grid1d(y.numel) });
}

/** Compute dx [N,C,H,W] from dy [N,O,OH,OW] and w. */
function naiveGradInput(s: ConvShape, dx: Tensor, dy: Tensor, w: Tensor): void {
  gradInputKernel.run({ bind: { dy, w, dx }, params: definitionParams(s), spec: actSpec(dy), grid: grid1d(dx.numel) });
}

/** Compute dw [O,C/groups,kh,kw] from x and dy. */
function naiveGradWeight(s: ConvShape, dw: Tensor, x: Tensor, dy: Tensor): void {
  gradWeightKernel.run({ bind: { x, dy, dw }, params: definitionParams(s), spec: actSpec(x), grid: grid1d(dw.numel) });
}

/** Load the algorithm "naive" of convolutions. */
export function enableNaiveConvolution(): void {
  setNaiveConvolution({ forward: naiveForward, gradInput: naiveGradInput, gradWeight: naiveGradWeight });
}
