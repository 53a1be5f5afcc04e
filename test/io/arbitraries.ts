// Random arrays of every file type, for round trips.
import fc from "fast-check";
import { type ArrayDtype, elementCount, elementsAt, type FileArrayInput, widthOf } from "../../src/io/array_types.ts";

/** Make an array of one of these types with up to three dimensions of 0..4; bits are random, BOOL is 0 or 1. */
export function fileArray(dtypes: readonly ArrayDtype[]): fc.Arbitrary<FileArrayInput> {
  return fc
    .record({
      dtype: fc.constantFrom(...dtypes),
      shape: fc.array(fc.nat(4), { maxLength: 3 }),
      noise: fc.uint8Array({ minLength: 4 ** 3 * 8, maxLength: 4 ** 3 * 8 }),
    })
    .map(({ dtype, shape, noise }) => {
      const count = elementCount(shape);
      const bytes = noise.slice(0, count * widthOf(dtype)).map((byte) => (dtype === "BOOL" ? byte & 1 : byte));
      return { dtype, shape, data: elementsAt(dtype, bytes, 0, count) };
    });
}
