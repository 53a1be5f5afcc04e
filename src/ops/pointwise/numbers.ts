// Numbers as operands: each becomes a tensor of one element for the length of one call.
import { fill, isTracing, tracedNumber } from "../../autograd/index.ts";
import { OpError } from "../../gpu/index.ts";
import { type DType, empty, Tensor } from "../../tensor/index.ts";

const MOST_F32 = 3.4028235677973366e38; // values from here on round to infinity

/** Throw OpError unless the value is a number that f32 holds, or infinite. */
export function expectNumber(op: string, name: string, value: unknown): void {
  if (typeof value !== "number" || Number.isNaN(value)) throw new OpError(op, `${name}: expected a number, got NaN`);
  if (Number.isFinite(value) && Math.abs(value) >= MOST_F32)
    throw new OpError(op, `${name}: expected a number of f32, up to 3.4e38, got ${value}`);
}

function tensorOf(value: number, dtype: DType): Tensor {
  const t = empty([], dtype);
  fill(t, value);
  return t;
}

/**
 * Call an op whose operands are tensors or numbers; at least one is a tensor. A captured step records each number: one that
 * changes between steps must be a scalar tensor. `dtype`: of the numbers.
 */
export function withNumbers(
  op: string,
  operands: Readonly<Record<string, Tensor | number>>,
  run: (...tensors: Tensor[]) => Tensor,
  dtype: DType = "f32",
): Tensor {
  const values = Object.values(operands);
  if (!values.some((value) => typeof value === "number")) return run(...(values as Tensor[]));
  const tensors = values.filter((value) => value instanceof Tensor);
  if (tensors.length === 0) throw new OpError(op, `expected a tensor among ${Object.keys(operands).join(" and ")}`);
  for (const [name, value] of Object.entries(operands)) if (typeof value === "number") expectNumber(op, name, value);
  if (isTracing() || tensors.some((t) => t.isMeta))
    return run(...values.map((value) => (typeof value === "number" ? tracedNumber(value) : value)));
  const made: Tensor[] = [];
  try {
    const all = values.map((value) => {
      if (typeof value !== "number") return value;
      const t = tensorOf(value, dtype);
      made.push(t);
      return t;
    });
    return run(...all);
  } finally {
    for (const t of made) t.dispose();
  }
}
