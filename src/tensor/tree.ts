// Finds the tensors in arrays and objects: the inputs and outputs of modules that take or return several.
import { isRecord } from "../text/index.ts";
import { Tensor } from "./tensor.ts";

/** One tensor, or arrays and objects of tensors, of any depth. */
export type TensorTree = Tensor | readonly TensorTree[] | { readonly [name: string]: TensorTree };

/**
 * List the tensors in arrays and plain objects, of any depth, each with its dotted path: `{ a: [x, y] }` gives "a.0" and "a.1",
 * a tensor alone the path "". Skips other values.
 */
export function tensorsOf(value: unknown, path = ""): [path: string, tensor: Tensor][] {
  if (value instanceof Tensor) return [[path, value]];
  const below = (name: string | number) => (path === "" ? String(name) : `${path}.${name}`);
  if (Array.isArray(value)) return value.flatMap((v: unknown, i) => tensorsOf(v, below(i)));
  if (isRecord(value)) return Object.entries(value).flatMap(([name, v]) => tensorsOf(v, below(name)));
  return [];
}
