// Checks the sizes that layers are made with.
import { OpError } from "../gpu/index.ts";
import { valueText } from "../text/index.ts";

/** Check that sizes, by name, are integers >= 1. Throws OpError naming the layer and the size. */
export function expectSizes(layer: string, sizes: Readonly<Record<string, unknown>>): void {
  for (const [name, size] of Object.entries(sizes))
    if (!Number.isInteger(size) || (size as number) < 1)
      throw new OpError(layer, `${name}: expected an integer >= 1, got ${valueText(size)}`);
}
