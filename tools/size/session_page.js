// A page that trains and prunes LeNet with batch norm in a session.
import { requestGpu, Session } from "espalier";
import { imageDataset } from "espalier/data";
import { LeNetBN } from "espalier/models";

async function main() {
  const gpu = await requestGpu();
  const train = imageDataset({
    name: "noise",
    images: new Uint8Array(784 * 640),
    labels: new Uint8Array(640),
    shape: [1, 28, 28],
    classes: "0123456789".split(""),
    mean: [0.5],
    std: [0.5],
  });
  const session = new Session({ model: new LeNetBN(), data: train });
  await session.fit({ onRecord: ({ loss }) => document.body.append(` ${loss}`) });
  gpu.destroy();
}

void main();
