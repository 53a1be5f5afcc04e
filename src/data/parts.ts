// Checks that the training and test parts of a data set have samples of the same shape.
import { DataError } from "./errors.ts";

interface Part {
  readonly shape: readonly number[];
  readonly timeSteps?: number;
}

/**
 * Check that the samples of both parts have one shape.
 *
 * Errors    DataError with both shapes.
 */
export function checkParts(name: string, train: Part, test: Part): void {
  const words = ({ shape, timeSteps }: Part) =>
    `[${shape.join(", ")}]${timeSteps === undefined ? "" : ` of ${timeSteps} time steps`}`;
  const [a, b] = [words(train), words(test)];
  if (a !== b) throw new DataError(`${name}: test samples: expected ${a} as the training samples, got ${b}`);
}
