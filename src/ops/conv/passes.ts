// The three passes of a convolution, each by the chosen algorithm.
import { devicePart } from "../../gpu/index.ts";
import { fillZero, type Tensor } from "../../tensor/index.ts";
import { chooseAlgorithm } from "./choose.ts";
import { correlate } from "./correlate.ts";
import { type Correlation, forwardCorrelation, gradientCorrelations, gradientPhases } from "./correlation.ts";
import { depthwiseCorrelate, depthwiseGradWeight } from "./depthwise.ts";
import { gradWeight } from "./grad_weight.ts";
import { naiveConvolution } from "./naive_parts.ts";
import { type ConvAlgorithm, type ConvShape, flattenPoints, isDepthwise, type TiledAlgorithm } from "./shape.ts";
import type { CorrelationTensors } from "./ways.ts";

const units = devicePart(
  ({ matrices }) => matrices.length > 0,
  () => import("./matrix_units.ts"),
);

interface How {
  readonly algorithm: TiledAlgorithm | "matrix";
  /** True if the tuner may choose: the caller named no algorithm. */
  readonly tuned: boolean;
}

function run(s: ConvShape, { algorithm, tuned }: How, phases: Correlation[], tensors: CorrelationTensors): void {
  const rest = isDepthwise(s) ? phases.filter((c) => !depthwiseCorrelate(c, tensors)) : phases;
  if (rest.length === 0 || (algorithm === "matrix" && units()?.correlateMatrix(rest, tensors, tuned))) return;
  correlate(rest, algorithm === "matrix" ? "tile" : algorithm, tensors, tuned);
}

/** Compute y [N,O,OH,OW] = convolution of x [N,C,H,W] with w [O,C/groups,kh,kw], plus b [O] unless null. */
export function convForward(
  s: ConvShape,
  wanted: ConvAlgorithm,
  { x, w, b, y }: { x: Tensor; w: Tensor; b: Tensor | null; y: Tensor },
): void {
  const algorithm = chooseAlgorithm(wanted, x);
  if (algorithm === "naive") naiveConvolution().forward(s, y, x, w, b);
  else run(s, { algorithm, tuned: wanted === "auto" }, [forwardCorrelation(flattenPoints(s))], { x, w, b, y });
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
  const algorithm = chooseAlgorithm(wanted, dy);
  if (algorithm === "naive") {
    naiveConvolution().gradInput(s, dx, dy, w);
    return;
  }
  const flat = flattenPoints(s);
  const how = { algorithm, tuned: wanted === "auto" };
  const tensors = { x: dy, w, b: bias?.b ?? null, y: dx };
  // These kernels also write the pixels that get no term.
  if ((algorithm === "tile" || algorithm === "matrix") && !isDepthwise(s)) {
    run(s, how, gradientPhases(flat), tensors);
    return;
  }
  const { phases, covered } = gradientCorrelations(flat);
  if (!covered) (bias?.fill ?? fillZero)(dx);
  run(s, how, phases, tensors);
}

/** Compute dw [O,C/groups,kh,kw] from x and dy. */
export function convGradWeight(
  s: ConvShape,
  wanted: ConvAlgorithm,
  { x, dy, dw }: { x: Tensor; dy: Tensor; dw: Tensor },
): void {
  const algorithm = chooseAlgorithm(wanted, x);
  if (algorithm === "naive") {
    naiveConvolution().gradWeight(s, dw, x, dy);
    return;
  }
  const flat = flattenPoints(s);
  const tuned = wanted === "auto";
  if (isDepthwise(s) && depthwiseGradWeight(flat, { dw, x, dy })) return;
  if (algorithm === "matrix" && units()?.matrixGradWeight(flat, { dw, x, dy }, tuned)) return;
  const tiled = algorithm === "matrix" ? "tile" : algorithm;
  gradWeight(flat, tiled, { dw, x, dy }, tuned);
}
