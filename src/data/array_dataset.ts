// Data sets of numbers in memory: samples of any shape, with class numbers or numbers as targets.
import { flatten, type NestedNumbers } from "../tensor/nested.ts";
import { formatShape, numel, type Shape } from "../tensor/shape.ts";
import { expectKeys, type KeysOf, kindOf, valueText } from "../text/index.ts";
import { labelFault, MAX_CLASSES } from "./dataset.ts";
import { DataError } from "./errors.ts";

/** Numbers of all samples. Bytes take a quarter of the memory; a batch holds them as numbers 0 to 255. */
export type SampleArray = Float32Array | Uint8Array | Int32Array | Uint32Array;

/** Samples and targets in memory. Make it with `arrayDataset`. */
export interface ArrayDataset {
  readonly kind: "arrays";
  /** Name used in messages. */
  readonly name: string;
  /** Count of samples. */
  readonly length: number;
  /** Shape of one sample; [] for a number. */
  readonly shape: Shape;
  /** [length, ...shape]. */
  readonly x: SampleArray;
  /** Shape of one target; [] for a class number or a number. */
  readonly targetShape: Shape;
  /** Shape [length, ...targetShape]: class numbers as Int32Array, other targets as Float32Array. */
  readonly y: Int32Array | Float32Array;
  /** Names of the classes; none if the targets are not class numbers. */
  readonly classes: readonly string[];
}

/** Samples and targets for `arrayDataset`. */
export interface ArrayParts {
  /** Samples, first to last: a typed array, or nested lists of numbers. */
  readonly x: SampleArray | readonly NestedNumbers[];
  /**
   * Targets, one per sample. Integer arrays and flat lists of integers >= 0 are class numbers. A Float32Array and all other lists
   * are numbers, such as the values of a regression. See `targets`.
   */
  readonly y: Float32Array | Int32Array | Uint8Array | Uint32Array | readonly NestedNumbers[];
  /** Shape of one sample. Default: that of nested lists; of a typed array with k numbers per target, [k]. */
  readonly shape?: Shape | undefined;
  /** Shape of one target. Default: that of nested lists; of a Float32Array with k numbers per sample, [k], or [] if k is 1. */
  readonly targetShape?: Shape | undefined;
  /** Kind of the targets, if the array alone leaves it open. */
  readonly targets?: "classes" | "numbers" | undefined;
  /** Names of the classes, or their count. Default: one more than the largest class number. */
  readonly classes?: readonly string[] | number | undefined;
  /** Name used in messages. Default "arrays". */
  readonly name?: string | undefined;
}

const KEYS: KeysOf<ArrayParts> = {
  ...{ x: true, y: true, shape: true, targetShape: true },
  ...{ targets: true, classes: true, name: true },
};

type Fail = (problem: string) => never;

/**
 * Make a data set of arrays for `Session` and `DataLoader`. Typed arrays are not copied.
 *
 * Shapes    x [length, ...shape], y [length, ...targetShape].
 * Errors    DataError: an unknown option, no samples, arrays whose lengths or shapes disagree, lists of unequal lengths, a class
 *           number beyond the classes, another type of array.
 * @example
 * const points = arrayDataset({ x: [[0, 0], [0, 1], [1, 0], [1, 1]], y: [0, 1, 1, 0] });
 * for await (const { x, y } of new DataLoader({ dataset: points, batchSize: 2 })) console.log(x, y);
 */
export function arrayDataset(parts: ArrayParts): ArrayDataset {
  expectKeys(parts, KEYS, (problem) => new DataError(`arrayDataset: ${problem}`));
  const { name = "arrays" } = parts;
  const fail: Fail = (problem) => {
    throw new DataError(`dataset ${name}: ${problem}`);
  };
  expectShape("shape", parts.shape, fail);
  expectShape("targetShape", parts.targetShape, fail);
  const targets = targetsOf(parts, fail);
  const x = samplesOf(parts.x, fail);
  const first = x.shape[0]!;
  if (x.data.length === 0) fail("x: expected at least one sample, got none");
  // A typed array alone does not show how many samples it holds: the targets do, if their shape is known.
  const length = countOf(parts, { typed: x.typed, first, numbers: x.data.length }, targets, fail);
  const shape = parts.shape ?? (x.typed ? perSample(x.data.length, length) : x.shape.slice(1));
  const targetShape = parts.targetShape ?? (targets.shape ? targets.shape.slice(1) : perTarget(targets.data, length));
  expectCount("x", x.data.length, [length, ...shape], fail);
  expectCount("y", targets.data.length, [length, ...targetShape], fail);
  const classes = classesOf(parts, targets.data, fail);
  return { kind: "arrays", name, length, shape, x: x.data, targetShape, y: targets.data, classes };
}

/** Check the shape of a sample or a target, if there is one. */
function expectShape(what: string, shape: Shape | undefined, fail: Fail): void {
  if (shape === undefined) return;
  const isList = Array.isArray(shape);
  const isShape = isList && shape.every((dim) => Number.isInteger(dim) && dim >= 1);
  if (!isShape) fail(`${what}: expected a list of integers >= 1, got ${isList ? `[${shape}]` : valueText(shape)}`);
}

const perSample = (numbers: number, length: number): Shape => [numbers / length];
const perTarget = (data: ArrayLike<number>, length: number): Shape =>
  data.length === length ? [] : [data.length / length];

/** Check the count of numbers of an array. */
function expectCount(what: string, numbers: number, shape: Shape, fail: Fail): void {
  const [length, ...sample] = shape as [number, ...number[]];
  const per = numel(sample);
  if (!Number.isInteger(length))
    fail(`${what}: expected a multiple of ${per} numbers for ${formatShape(sample)}, got ${numbers}`);
  if (!Number.isInteger(per) || per < 1)
    fail(`${what}: expected a multiple of ${length} numbers, one or more per sample, got ${numbers}`);
  if (numel(shape) !== numbers)
    fail(`${what}: expected ${numel(shape)} numbers for ${formatShape(shape)}, got ${numbers}`);
}

/** Return the count of samples: of the nested lists, of the shape of a sample, or of the targets. */
function countOf(
  { shape, targetShape }: ArrayParts,
  x: { readonly typed: boolean; readonly first: number; readonly numbers: number },
  targets: Targets,
  fail: Fail,
): number {
  if (!x.typed) return x.first;
  if (shape) return x.numbers / numel(shape);
  if (targets.shape) return targets.shape[0]!;
  if (targetShape) return targets.data.length / numel(targetShape);
  return targets.data.length || fail("y: expected one target per sample, got none");
}

interface Samples {
  readonly data: SampleArray;
  readonly shape: Shape;
  readonly typed: boolean;
}

function samplesOf(x: ArrayParts["x"], fail: Fail): Samples {
  if (Array.isArray(x)) {
    const { flat, shape } = nested("x", x as readonly NestedNumbers[], fail);
    return { data: Float32Array.from(flat), shape, typed: false };
  }
  const isKnown = [Float32Array, Uint8Array, Int32Array, Uint32Array].some((type) => x instanceof type);
  if (!isKnown)
    fail(`x: expected a Float32Array, Uint8Array, Int32Array, Uint32Array or lists of numbers, got ${kindOf(x)}`);
  return { data: x as SampleArray, shape: [(x as SampleArray).length], typed: true };
}

interface Targets {
  readonly data: Int32Array | Float32Array;
  /** Shape of nested lists; null for a typed array. */
  readonly shape: Shape | null;
}

const isIndex = (n: unknown): boolean => Number.isInteger(n) && (n as number) >= 0;

function targetsOf({ y, targets }: ArrayParts, fail: Fail): Targets {
  if (targets !== undefined && targets !== "classes" && targets !== "numbers")
    fail(`targets: expected classes or numbers, got ${String(targets)}`);
  if (Array.isArray(y)) {
    const { flat, shape } = nested("y", y as readonly NestedNumbers[], fail);
    const kind = targets ?? (shape.length === 1 && flat.every(isIndex) ? "classes" : "numbers");
    const wrong = kind === "classes" ? flat.findIndex((n) => !isIndex(n)) : -1;
    if (wrong >= 0) fail(`y: expected class numbers, integers >= 0, got ${flat[wrong]} at index ${wrong}`);
    return { data: kind === "classes" ? Int32Array.from(flat) : Float32Array.from(flat), shape };
  }
  if (y instanceof Float32Array) {
    if (targets === "classes")
      fail("y: expected an Int32Array, Uint8Array or Uint32Array of class numbers, got a Float32Array");
    return { data: y, shape: null };
  }
  if (!(y instanceof Int32Array || y instanceof Uint8Array || y instanceof Uint32Array))
    return fail(
      `y: expected a Float32Array, Int32Array, Uint8Array, Uint32Array or lists of numbers, got ${kindOf(y)}`,
    );
  if (targets === "numbers") return { data: Float32Array.from(y), shape: null };
  return { data: y instanceof Int32Array ? y : Int32Array.from(y), shape: null };
}

function nested(what: string, values: readonly NestedNumbers[], fail: Fail): ReturnType<typeof flatten> {
  try {
    return flatten(what, values);
  } catch (error) {
    return fail((error as Error).message);
  }
}

function classesOf({ classes }: ArrayParts, y: Int32Array | Float32Array, fail: Fail): readonly string[] {
  if (y instanceof Float32Array) {
    if (classes !== undefined) fail("classes: expected nothing, since the targets are not class numbers");
    return [];
  }
  const names = Array.isArray(classes) ? (classes as readonly string[]) : null;
  const count = names?.length ?? (classes as number | undefined) ?? y.reduce((most, n) => Math.max(most, n), 0) + 1;
  if (!Number.isInteger(count) || count < 1 || count > MAX_CLASSES)
    fail(`classes: expected 1 to ${MAX_CLASSES}, got ${count}`);
  const fault = labelFault(y, count);
  if (fault) fail(fault);
  return names ?? Array.from({ length: count }, (_, i) => String(i));
}
