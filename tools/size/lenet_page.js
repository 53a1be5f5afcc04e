// A page that trains LeNet with batch norm on images in memory, in a loop of its own.
import { crossEntropy, manualSeed, requestGpu, SGD, Tape, tensor, tidy } from "espalier";
import { LeNetBN } from "espalier/models";

const BATCH = 64;
const images = new Float32Array(BATCH * 784).map(() => Math.random());
const labels = new Int32Array(BATCH).map((_, i) => i % 10);

async function main() {
  const gpu = await requestGpu();
  manualSeed(0);
  const model = new LeNetBN();
  const optimizer = new SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
  const x = tensor(images, [BATCH, 1, 28, 28]);
  const y = tensor(labels, [BATCH]);
  for (let step = 0; step < 20; step++) {
    const loss = tidy(() => {
      const tape = new Tape();
      const result = tape.keep(crossEntropy(model.forward(x), y));
      tape.backward(result);
      optimizer.step();
      return result;
    });
    document.body.append(` ${await loss.item()}`);
    loss.dispose();
  }
  gpu.destroy();
}

void main();
