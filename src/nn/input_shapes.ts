// Shapes of a module's inputs, as summarize and the ONNX export take them, turned into inputs without data.
import { OpError } from "../gpu/index.ts";
import { metaTensor, type Shape, Tensor } from "../tensor/index.ts";
import { isRecord } from "../text/index.ts";

/** Shape of one sample without the batch axis (f32), a tensor of shape and dtype from `metaTensor`, or arrays and objects of these. */
export type InputShape = Shape | Tensor | readonly InputShape[] | { readonly [name: string]: InputShape };

/**
 * Inputs of a module: one shape, [C, H, W]; or one entry for each argument of `forward`, in an array, or in an object that also
 * names them: `{ image: [3, 32, 32], caption: metaTensor([16], "i32") }`.
 */
export type InputShapes = Shape | Tensor | readonly InputShape[] | Readonly<Record<string, InputShape>>;

/** Arguments of `forward`, and the tensors in them by name. */
export interface MetaInputs {
  readonly inputs: readonly unknown[];
  readonly tensors: readonly (readonly [name: string, tensor: Tensor])[];
}

const isShape = (value: unknown): value is Shape => Array.isArray(value) && value.every((d) => typeof d === "number");

function describe(value: unknown): string {
  return value instanceof Tensor ? "a tensor with data" : (JSON.stringify(value) ?? typeof value);
}

/** Return the shape and dtype of one sample; null for an array or object of shapes. */
function leafOf(op: string, name: string, value: unknown): { shape: Shape; dtype: Tensor["dtype"] } | null {
  if (isShape(value)) {
    if (value.every((d) => Number.isInteger(d) && d >= 1)) return { shape: value, dtype: "f32" };
  } else if (value instanceof Tensor) {
    if (value.isMeta) return { shape: value.shape, dtype: value.dtype };
  } else if ((Array.isArray(value) && value.length > 0) || isRecord(value)) return null;
  throw new OpError(op, `${name}: expected the shape of one sample, [C, H, W], got ${describe(value)}`);
}

/** Make inputs of shapes alone, with a batch axis before each. Throws OpError for what is not a shape. */
export function metaInputs(op: string, spec: InputShapes, batch: number): MetaInputs {
  const tensors: [string, Tensor][] = [];
  const make = (name: string, value: unknown): unknown => {
    const leaf = leafOf(op, name, value);
    if (leaf) {
      const t = metaTensor([batch, ...leaf.shape], leaf.dtype);
      tensors.push([name, t]);
      return t;
    }
    if (Array.isArray(value)) return value.map((v, i) => make(`${name}.${i}`, v));
    // The names in an object that is an argument are those of its tensors.
    return Object.fromEntries(Object.entries(value as object).map(([key, v]) => [key, make(key, v)]));
  };
  const isOne = isShape(spec) ? spec.length > 0 : spec instanceof Tensor;
  if (isOne) return { inputs: [make("input", spec)], tensors };
  if (!(Array.isArray(spec) && spec.length > 0) && !(isRecord(spec) && Object.keys(spec).length > 0))
    throw new OpError(op, `input: expected the shape of one sample, [C, H, W], got ${describe(spec)}`);
  const named: [string, unknown][] = Array.isArray(spec)
    ? spec.map((v, i): [string, unknown] => [spec.length === 1 ? "input" : `input${i}`, v])
    : Object.entries(spec);
  return { inputs: named.map(([name, v]) => make(name, v)), tensors };
}
