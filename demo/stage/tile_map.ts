// Arranges the weights of a layer as tiles: a square for each output, in rows that fill a picture of a given shape.
import type { LayerMap } from "../ui/layer_map.ts";
import { volume } from "../ui/layer_map.ts";

/** Arrange a layer so that the picture is about `aspect` times as wide as it is high. */
export function tileMap(shape: readonly number[], aspect: number): LayerMap {
  const [outputs = 1] = shape;
  const inputs = Math.max(1, volume(shape.slice(1)));
  const side = Math.ceil(Math.sqrt(inputs));
  const tall = Math.ceil(inputs / side);
  const across = Math.max(1, Math.min(outputs, Math.round(Math.sqrt((outputs * aspect * (tall + 1)) / (side + 1)))));
  const down = Math.ceil(outputs / across);
  const width = across * (side + 1) - 1;
  const height = down * (tall + 1) - 1;
  const indices = new Int32Array(width * height).fill(-1);
  for (let output = 0; output < outputs; output++) {
    const left = (output % across) * (side + 1);
    const top = Math.floor(output / across) * (tall + 1);
    for (let input = 0; input < inputs; input++) {
      const at = (top + Math.floor(input / side)) * width + left + (input % side);
      indices[at] = output * inputs + input;
    }
  }
  return { width, height, indices };
}
