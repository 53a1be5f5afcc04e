// The two parts of a data set against each other: what a network learns from and what it is tested on are of one kind.
import type { ImageShape } from "./dataset.ts";
import { DataError } from "./errors.ts";

interface Part {
  readonly shape: ImageShape;
  readonly timeSteps?: number;
}

/**
 * Refuses parts whose samples differ in size.
 *
 * Errors    DataError with both shapes.
 */
export function checkParts(name: string, train: Part, test: Part): void {
  const words = ({ shape, timeSteps }: Part) =>
    `[${shape.join(", ")}]${timeSteps === undefined ? "" : ` of ${timeSteps} time steps`}`;
  const [a, b] = [words(train), words(test)];
  if (a !== b) throw new DataError(`${name}: the test samples are ${b}, the training samples ${a}: expected one size`);
}
