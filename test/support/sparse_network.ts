// A small network whose layers all have a sparse kernel.
import { BatchNorm2d, Conv2d, Flatten, Linear, type Module, ReLU, Sequential } from "../../src/nn/index.ts";
import { readAll } from "../../src/tensor/index.ts";
import { pruneBlocks } from "./prune_blocks.ts";

/** Build a network for images [3, 8, 8] with a padded, a strided, a grouped and a 1x1 convolution. `zeros`: share of zero blocks. */
export async function sparseNetwork(zeros: number): Promise<Module> {
  const model = new Sequential([
    new Conv2d(3, 16, 3, { padding: 1, bias: false }),
    new BatchNorm2d(16),
    new ReLU(),
    new Conv2d(16, 24, 3, { padding: 1, stride: 2, groups: 2 }),
    new ReLU(),
    new Conv2d(24, 33, 1),
    new Flatten(),
    new Linear(33 * 16, 10),
  ]);
  for (const [, p] of model.namedParameters()) {
    if (!p.prunable) continue;
    const values = (await readAll(p))[0] as Float32Array;
    p.set(pruneBlocks(values, p.shape, { size: 8, groups: p.shape[1] === 8 ? 2 : 1, zeros }));
  }
  return model;
}
