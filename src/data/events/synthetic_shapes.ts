// Shapes of synthetic events, as distance functions, so that their edges are smooth.

export const shapeNames = ["disc", "square", "cross"] as const;
type ShapeName = (typeof shapeNames)[number];

/** A shape on a straight path at constant speed. */
export interface Walk {
  readonly shape: ShapeName;
  /** Half of the width, in pixels. */
  readonly radius: number;
  /** Log intensity of the shape minus that of the background. */
  readonly contrast: number;
  /** Centre at the start and at the end, in pixels from the sensor's corner: pixel i is i..i+1. */
  readonly from: readonly [x: number, y: number];
  readonly to: readonly [x: number, y: number];
}

/** Width of the arms of a cross, as a share of its width. */
const ARM = 0.35;

/**
 * Return the distance of (dx, dy) from the edge, in pixels; negative inside. Uses only additions, products and square roots,
 * which all hosts round alike.
 */
function distanceOutside(shape: ShapeName, radius: number, dx: number, dy: number): number {
  const [x, y] = [Math.abs(dx), Math.abs(dy)];
  if (shape === "disc") return Math.sqrt(x * x + y * y) - radius;
  if (shape === "square") return Math.max(x, y) - radius;
  const arm = radius * ARM;
  return Math.min(Math.max(x - radius, y - arm), Math.max(x - arm, y - radius));
}

/** Return the share of the pixel around (dx, dy) that the shape covers, 0..1: exact for axis-parallel edges, close for others. */
export function coverage(shape: ShapeName, radius: number, dx: number, dy: number): number {
  return Math.min(1, Math.max(0, 0.5 - distanceOutside(shape, radius, dx, dy)));
}
