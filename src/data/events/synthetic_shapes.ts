// The shapes that synthetic events are made of, as distances, so that their edges can be drawn smoothly.

export const shapeNames = ["disc", "square", "cross"] as const;
export type ShapeName = (typeof shapeNames)[number];

/** A shape on its way, straight and at one speed. */
export interface Walk {
  readonly shape: ShapeName;
  /** Half its width in pixels. */
  readonly radius: number;
  /** Log intensity of the shape less that of the background. */
  readonly contrast: number;
  /** Its middle at the start and at the end, in pixels from the sensor's corner: pixel i is i..i+1. */
  readonly from: readonly [x: number, y: number];
  readonly to: readonly [x: number, y: number];
}

/** Width of the arms of a cross, of its whole width. */
const ARM = 0.35;

/**
 * How far (dx, dy) from the middle lies outside of the edge, in pixels; negative inside. Only additions, products and
 * square roots, which all hosts round alike: the same events everywhere.
 */
function distanceOutside(shape: ShapeName, radius: number, dx: number, dy: number): number {
  const [x, y] = [Math.abs(dx), Math.abs(dy)];
  if (shape === "disc") return Math.sqrt(x * x + y * y) - radius;
  if (shape === "square") return Math.max(x, y) - radius;
  const arm = radius * ARM;
  return Math.min(Math.max(x - radius, y - arm), Math.max(x - arm, y - radius));
}

/** Which part of the pixel around (dx, dy) the shape covers, 0..1: exact for upright edges, close for others. */
export function coverage(shape: ShapeName, radius: number, dx: number, dy: number): number {
  return Math.min(1, Math.max(0, 0.5 - distanceOutside(shape, radius, dx, dy)));
}
