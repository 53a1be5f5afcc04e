// The three passes of a convolution, each by the chosen algorithm.
import { fillZero, type Tensor } from "../../tensor/index.ts";
import { chooseAlgorithm } from "./choose.ts";
import { type CorrelationTensors, correlate } from "./correlate.ts";
import { type Correlation, forwardCorrelation, gradientCorrelations } from "./correlation.ts";
import { depthwiseCorrelate, depthwiseGradWeight } from "./depthwise.ts";
import { gradWeight } from "./grad_weight.ts";
import { naiveConvolution } from "./naive_parts.ts";
import { type ConvAlgorithm, type ConvShape, flattenPoints, isDepthwise, type TiledAlgorithm } from "./shape.ts";

interface How {
  readonly algorithm: TiledAlgorithm;
  /** True if the tuner may choose: the caller named no algorithm. */
  readonly tuned: boolean;
}

function run(s: ConvShape, { algorithm, tuned }: How, c: Correlation, tensors: CorrelationTensors): void {
  if (isDepthwise(s) && depthwiseCorrelate(c, tensors)) return;
  correlate(c, algorithm, tensors, tuned);
}

/** Compute y [N,O,OH,OW] = convolution of x [N,C,H,W] with w [O,C/groups,kh,kw], plus b [O] unless null. */
export function convForward(
  s: ConvShape,
  wanted: ConvAlgorithm,
  { x, w, b, y }: { x: Tensor; w: Tensor; b: Tensor | null; y: Tensor },
): void {
  const algorithm = chooseAlgorithm(wanted);
  if (algorithm === "naive") naiveConvolution().forward(s, y, x, w, b);
  else run(s, { algorithm, tuned: wanted === "auto" }, forwardCorrelation(flattenPoints(s)), { x, w, b, y });
}

/**
 * Compute dx [N,C,H,W] from dy [N,O,OH,OW] and w. Writes all of dx. With `bias`, for the tiled algorithms only: adds b [C]; `fill`
 * writes it into all of dx before, if some pixels of dx are not computed.
 */
export function convGradInput(
  s: ConvShape,
  wanted: ConvAlgorithm,
  { dy, w, dx }: { dy: Tensor; w: Tensor; dx: Tensor },
  bias: { readonly b: Tensor; fill(dx: Tensor): void } | null = null,
): void {
  const algorithm = chooseAlgorithm(wanted);
  if (algorithm === "naive") {
    naiveConvolution().gradInput(s, dx, dy, w);
    return;
  }
  const { phases, covered } = gradientCorrelations(flattenPoints(s));
  if (!covered) (bias?.fill ?? fillZero)(dx);
  const how = { algorithm, tuned: wanted === "auto" };
  for (const phase of phases) run(s, how, phase, { x: dy, w, b: bias?.b ?? null, y: dx });
}

/** Compute dw [O,C/groups,kh,kw] from x and dy. */
export function convGradWeight(
  s: ConvShape,
  wanted: ConvAlgorithm,
  { x, dy, dw }: { x: Tensor; dy: Tensor; dw: Tensor },
): void {
  const algorithm = chooseAlgorithm(wanted);
  if (algorithm === "naive") {
    naiveConvolution().gradWeight(s, dw, x, dy);
    return;
  }
  const flat = flattenPoints(s);
  if (isDepthwise(s) && depthwiseGradWeight(flat, { dw, x, dy })) return;
  gradWeight(flat, algorithm, { dw, x, dy }, wanted === "auto");
}
