// Layer that resamples images.
import { expectOptions, OpError } from "../gpu/index.ts";
import { type UpsampleOptions, upsample } from "../ops/upsample.ts";
import type { KeysOf } from "../text/index.ts";
import { OpLayer } from "./op_layer.ts";

const KEYS: KeysOf<UpsampleOptions> = { size: true, scale: true, mode: true, alignCorners: true };

/**
 * Resample images to a size or by a scale: x [N,C,H,W] -> [N,C,H',W']. Throws OpError for both or neither of size and scale.
 *
 * @example
 * const layer = new Upsample({ scale: 2, mode: "bilinear" });
 * const y = layer.forward(zeros([1, 3, 8, 8])); // [1, 3, 16, 16]
 */
export class Upsample extends OpLayer<UpsampleOptions> {
  constructor(options: UpsampleOptions) {
    super(upsample, options);
    expectOptions("Upsample", options, KEYS);
    if ((options.size === undefined) === (options.scale === undefined))
      throw new OpError("Upsample", "expected either size or scale");
  }
}
