// Shapes for property tests: a tensor's, and one that broadcasts to it.
import fc from "fast-check";

/** One to `rank` axes of size 1 to 6. */
export const anyShape = (rank = 5) => fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: rank });

/** [shape, smaller]: smaller is shape with some axes set to 1 and some leading ones dropped. */
export const shapeAndSmaller = (rank = 5) =>
  anyShape(rank).chain((shape) =>
    fc
      .tuple(
        fc.array(fc.boolean(), { minLength: shape.length, maxLength: shape.length }),
        fc.integer({ min: 0, max: shape.length }),
      )
      .map(([ones, dropped]) => {
        return [shape, shape.map((size, i) => (ones[i] ? 1 : size)).slice(dropped)] as const;
      }),
  );

/** A shape, and some of its axes (at least one). */
export const shapeAndAxes = (rank = 5) =>
  anyShape(rank).chain((shape) =>
    fc
      .subarray(
        shape.map((_, i) => i),
        { minLength: 1 },
      )
      .map((axes) => [shape, axes] as const),
  );
