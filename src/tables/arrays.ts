// Reads samples from NumPy's files: an .npz archive, or a folder of .npy files, with arrays x and y or others by name.
import { basename } from "node:path";
import { DataError, SourceError } from "../data/index.ts";
import { type FileArray, float32Fault, parseNpy, parseNpz, toFloat32 } from "../io/index.ts";
import { readRegular } from "../node/regular_file.ts";
import type { Choice, Samples, Targets } from "./samples.ts";

/** Most bytes of a file. */
const LARGEST = 2 ** 31 - 1;

/** Named arrays of a file or a folder. */
export interface Arrays {
  readonly file: string;
  readonly arrays: ReadonlyMap<string, FileArray>;
}

async function bytesOf(path: string): Promise<Uint8Array> {
  return readRegular(path, LARGEST).catch((cause: Error) =>
    Promise.reject(new SourceError("numpy", path, cause.message)),
  );
}

/** Read the arrays of an .npz file. */
export async function readNpz(path: string): Promise<Arrays> {
  return { file: basename(path), arrays: await parseNpz(await bytesOf(path), path) };
}

/** Read one .npy file. */
export async function readNpy(path: string): Promise<FileArray> {
  return parseNpy(await bytesOf(path), path);
}

const isWhole = ({ dtype }: FileArray): boolean => /^[IU]\d/.test(dtype);

/** Return an array as numbers. Errors: DataError naming the array and the first missing or too large number. */
function numbers(file: string, name: string, array: FileArray): Float32Array {
  const fault = float32Fault(array);
  if (fault) throw new DataError(`${file}: array ${name}: ${fault}`);
  const values = toFloat32(array);
  const bad = values.findIndex((v) => !Number.isFinite(v));
  if (bad < 0) return values;
  const per = values.length / array.shape[0]!;
  const at = `row ${Math.floor(bad / per) + 1}, number ${(bad % per) + 1}`;
  throw new DataError(`${file}: array ${name}: ${at}: expected a finite number, got ${values[bad]}`);
}

function targetsOf(file: string, name: string, array: FileArray, kind: Choice["kind"]): Targets {
  const [length, ...shape] = array.shape as [number, ...number[]];
  const whole = isWhole(array) && shape.length === 0;
  if ((kind ?? (whole ? "classes" : "numbers")) === "classes") {
    const values = numbers(file, name, array);
    const bad = shape.length > 0 ? -1 : values.findIndex((v) => !Number.isInteger(v));
    if (shape.length > 0 || bad >= 0) {
      const got = bad >= 0 ? `${values[bad]} in row ${bad + 1}` : `[${array.shape.join(", ")}]`;
      throw new DataError(`${file}: array ${name}: expected class numbers [${length}], got ${got}`);
    }
    return { kind: "classes", names: Array.from(values, String) };
  }
  return { kind: "numbers", values: numbers(file, name, array), shape: shape.length === 0 ? [1] : shape };
}

/** Return the only name of a choice, or the default. */
function arrayName(what: string, file: string, given: readonly string[] | undefined, otherwise: string): string {
  if (given !== undefined && given.length !== 1)
    throw new DataError(`${file}: ${what}: expected the name of one array, got ${given.join(", ")}`);
  return given?.[0] ?? otherwise;
}

/**
 * Return the samples of arrays: `x` [n, ...sample] and `y` [n, ...target], or the arrays named by the choice, with a suffix such
 * as `_train`. Errors: DataError naming the array and its fault.
 */
export function samplesOfArrays({ file, arrays }: Arrays, choice: Choice, suffix = ""): Samples {
  const { labelled = true } = choice;
  const find = (name: string) => {
    const found = arrays.get(name);
    if (!found)
      throw new DataError(`${file}: expected an array ${name}, got ${[...arrays.keys()].join(", ") || "none"}`);
    if (found.shape.length === 0 || found.data.length === 0)
      throw new DataError(`${file}: array ${name}: expected samples, got [${found.shape.join(", ")}]`);
    return found;
  };
  const given = {
    inputs: [arrayName("inputs", file, choice.inputs, "x")],
    targets: [arrayName("targets", file, choice.targets, "y")],
  };
  const [xName, yName] = [given.inputs[0]! + suffix, given.targets[0]! + suffix];
  const x = find(xName);
  const y = labelled ? find(yName) : null;
  const [length, ...sample] = x.shape as [number, ...number[]];
  if (y && y.shape[0] !== length)
    throw new DataError(
      `${file}: array ${yName}: expected ${length} targets as samples in ${xName}, got ${y.shape[0]}`,
    );
  const shape = sample.length === 0 ? [1] : sample;
  const one = (name: string, count: number) =>
    count === 1 ? [name] : Array.from({ length: count }, (_, i) => `${name}[${i}]`);
  const targets: Targets = y
    ? targetsOf(file, yName, y, choice.kind)
    : { kind: "numbers", values: new Float32Array(0), shape: [0] };
  return {
    file,
    length,
    shape,
    x: numbers(file, xName, x),
    targets,
    inputNames: shape.length === 1 ? one("x", shape[0]!) : ["x"],
    targetNames: targets.kind === "numbers" && targets.shape.length === 1 ? one("y", targets.shape[0]!) : ["y"],
    given,
    where: (i) => `row ${i + 1}`,
  };
}
