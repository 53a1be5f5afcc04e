// Samples of one part of a numeric data set: inputs and targets, as they are stored.
import { DataError } from "../data/index.ts";
import { numel, type Shape } from "../tensor/index.ts";
import { cellError, columnIndices, expectNumber, numberOf, type Table } from "./table.ts";

/** Class names, one per sample, or numbers [length, ...shape]. */
export type Targets =
  | { readonly kind: "classes"; readonly names: readonly string[] }
  | { readonly kind: "numbers"; readonly values: Float32Array; readonly shape: Shape };

/** Inputs [length, ...shape] and targets of a part, with the names of their columns or arrays. */
export interface Samples {
  readonly file: string;
  readonly length: number;
  readonly shape: Shape;
  readonly x: Float32Array;
  readonly targets: Targets;
  readonly inputNames: readonly string[];
  readonly targetNames: readonly string[];
  /** Names that choose the same inputs and targets in another file. */
  readonly given: { readonly inputs: readonly string[]; readonly targets: readonly string[] };
  /** Position of sample i in its file, for messages. */
  readonly where: (i: number) => string;
}

/** Columns or arrays to use, and the kind of targets; see Recipe `data`. */
export interface Choice {
  readonly inputs?: readonly string[] | undefined;
  readonly targets?: readonly string[] | undefined;
  /** Kind of the targets. Default: class names for text, class numbers for arrays of integers, else numbers. */
  readonly kind?: Targets["kind"] | undefined;
  /** False: targets are not read, for samples without them. Default true. */
  readonly labelled?: boolean | undefined;
}

function targetColumns(table: Table, { targets }: Choice): number[] {
  if (targets !== undefined && targets.length > 0) return columnIndices(table, "targets", targets);
  const shown = table.columns.length > 12 ? `${table.columns.slice(0, 12).join(", ")}, ...` : table.columns.join(", ");
  throw new DataError(`${table.file}: targets: expected the columns to predict (--targets) of ${shown}, got none`);
}

/** Return the columns of the inputs: those named, or all that are no target. */
function inputColumns(table: Table, { inputs }: Choice, targets: readonly number[]): number[] {
  const chosen =
    inputs === undefined
      ? table.columns.map((_, i) => i).filter((i) => !targets.includes(i))
      : columnIndices(table, "inputs", inputs);
  const both = chosen.find((i) => targets.includes(i));
  if (both !== undefined)
    throw new DataError(`${table.file}: inputs: expected no target column, got ${table.columns[both]}`);
  if (chosen.length === 0) throw new DataError(`${table.file}: inputs: expected at least one column, got none`);
  return chosen;
}

function numbersOf(table: Table, columns: readonly number[]): Float32Array {
  const out = new Float32Array(table.length * columns.length);
  for (let row = 0; row < table.length; row++)
    for (const [k, column] of columns.entries()) out[row * columns.length + k] = expectNumber(table, row, column);
  return out;
}

/** Return the classes of a column: text, or integers as text. Errors: SourceError naming row and column. */
function namesOf(table: Table, column: number): string[] {
  return Array.from({ length: table.length }, (_, row) => {
    const cell = table.cell(row, column);
    if (cell === null) throw cellError(table, row, column, "expected a class, got a missing value");
    const value = numberOf(cell);
    // 1 and 1.0 are one class.
    return Number.isNaN(value) ? String(cell) : String(value);
  });
}

const isText = (table: Table, column: number): boolean => {
  for (let row = 0; row < table.length; row++) {
    const cell = table.cell(row, column);
    if (cell !== null) return Number.isNaN(numberOf(cell));
  }
  return false;
};

function targetsOf(table: Table, columns: readonly number[], kind: Choice["kind"]): Targets {
  const [first] = columns as [number];
  if ((kind ?? (columns.length === 1 && isText(table, first) ? "classes" : "numbers")) === "numbers")
    return { kind: "numbers", values: numbersOf(table, columns), shape: [columns.length] };
  if (columns.length > 1)
    throw new DataError(`${table.file}: targets: expected one column of classes, got ${columns.length} columns`);
  return { kind: "classes", names: namesOf(table, first) };
}

/** Return the samples of a table. Errors: DataError for a wrong choice of columns; SourceError naming row and column of a value. */
export function samplesOfTable(table: Table, choice: Choice): Samples {
  const { labelled = true } = choice;
  const targets = labelled ? targetColumns(table, choice) : [];
  const inputs = inputColumns(table, choice, targets);
  const names = (columns: readonly number[]) => columns.map((i) => table.columns[i]!);
  return {
    file: table.file,
    length: table.length,
    shape: [inputs.length],
    x: numbersOf(table, inputs),
    targets: labelled
      ? targetsOf(table, targets, choice.kind)
      : { kind: "numbers", values: new Float32Array(0), shape: [0] },
    inputNames: names(inputs),
    targetNames: names(targets),
    given: { inputs: names(inputs), targets: names(targets) },
    where: (i) => `row ${table.rowNumber(i)}`,
  };
}

/** Return the samples with these indices. */
export function pickSamples(samples: Samples, indices: Uint32Array): Samples {
  const { x, shape, targets } = samples;
  const rows = (values: Float32Array, per: number) => {
    const out = new Float32Array(indices.length * per);
    for (const [n, i] of indices.entries()) out.set(values.subarray(i * per, (i + 1) * per), n * per);
    return out;
  };
  return {
    ...samples,
    length: indices.length,
    x: rows(x, numel(shape)),
    targets:
      targets.kind === "classes"
        ? { kind: "classes", names: Array.from(indices, (i) => targets.names[i]!) }
        : { ...targets, values: rows(targets.values, numel(targets.shape)) },
    where: (i) => samples.where(indices[i]!),
  };
}

/** Return the samples of several files as one list. Errors: DataError if their columns or kinds of targets differ. */
export function joinSamples(parts: readonly Samples[]): Samples {
  const [first, ...others] = parts as [Samples, ...Samples[]];
  if (others.length === 0) return first;
  for (const other of others) expectSame(first, other);
  const starts = parts.map((_, n) => parts.slice(0, n).reduce((sum, { length }) => sum + length, 0));
  return {
    ...first,
    length: parts.reduce((sum, { length }) => sum + length, 0),
    x: joined(parts.map(({ x }) => x)),
    targets: joinedTargets(parts.map(({ targets }) => targets)),
    where(i) {
      const n = starts.findLastIndex((start) => start <= i);
      return `${parts[n]!.file}: ${parts[n]!.where(i - starts[n]!)}`;
    },
  };
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const out = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

function joinedTargets(parts: readonly Targets[]): Targets {
  const numbers = parts.flatMap((t) => (t.kind === "numbers" ? [t] : []));
  const [first] = numbers;
  if (!first) return { kind: "classes", names: parts.flatMap((t) => (t.kind === "classes" ? t.names : [])) };
  return { ...first, values: joined(numbers.map(({ values }) => values)) };
}

/** Check that samples of two files have the same inputs and the same kind of targets. */
export function expectSame(first: Samples, other: Samples): void {
  const words = ({ inputNames, targetNames, shape, targets }: Samples) =>
    `inputs ${inputNames.join(", ")} [${shape.join(", ")}], ${targets.kind} ${targetNames.join(", ")}` +
    (targets.kind === "numbers" ? ` [${targets.shape.join(", ")}]` : "");
  if (words(first) !== words(other))
    throw new DataError(`${other.file}: expected ${words(first)} as in ${first.file}, got ${words(other)}`);
}
