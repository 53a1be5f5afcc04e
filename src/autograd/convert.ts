// Converts between f32 and f16 without a record on the tape.
import castWgsl from "../../shaders/cast.wgsl";
import { grid1d, kernel } from "../gpu/index.ts";
import { bindableParts, type DType, empty, partOf, type Tensor } from "../tensor/index.ts";

const castKernel = kernel("cast", castWgsl);

/** Write x into y, which has as many elements of another float dtype. */
export function convertInto(y: Tensor, x: Tensor): void {
  const wide = x.numel % 4 === 0;
  const itemOf = (dtype: DType) => (wide ? `vec4<${dtype}>` : dtype);
  for (const part of bindableParts(x.numel, 4, "tensor", 2)) {
    const n = wide ? part.rows / 4 : part.rows;
    const bind = { x: partOf(x, part), y: partOf(y, part) };
    castKernel.run({ bind, params: { n }, spec: { Item: itemOf(x.dtype), Result: itemOf(y.dtype) }, grid: grid1d(n) });
  }
}

/** Return x in another float dtype. */
export function convert(x: Tensor, dtype: DType): Tensor {
  const y = empty(x.shape, dtype);
  convertInto(y, x);
  return y;
}
