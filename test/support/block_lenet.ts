// A LeNet-BN for 28 x 28 images of four classes, pruned by blocks of 8, as the commands of the tests read it.
import { buildModel } from "../../src/models/index.ts";
import { StateBuffer } from "../../src/nn/index.ts";
import type { HostArray } from "../../src/tensor/index.ts";
import { pruneBlocks } from "./prune_blocks.ts";

/** Return the weights, with nine of ten blocks zero in layers of 8 outputs and more, and the metadata of their file. */
export function blockLenet() {
  const model = buildModel("lenet-bn", { channels: 1, size: 28, classes: 4 });
  const weights = new Map<string, HostArray<Float32Array>>(
    [...model.namedState()].map(([name, p]) => {
      const values = p.initialValues();
      const isPruned = !(p instanceof StateBuffer) && p.shape.length > 1 && p.shape[0]! >= 8;
      const data = isPruned ? pruneBlocks(values, p.shape, { size: 8, zeros: 0.9 }) : values;
      return [name, { data, shape: p.shape }];
    }),
  );
  return { weights, metadata: { model: "lenet-bn", data: "idx", input: "1x28x28", classes: "4" } };
}
