// A page that trains and prunes LeNet with batch norm in a session.
import { requestGpu, Session } from "espalier";
import { imageDataset } from "espalier/data";
import { LeNetBN } from "espalier/models";

async function main() {
  const gpu = await requestGpu();
  const train = imageDataset(new Uint8Array(784 * 640), new Uint8Array(640), { classes: 10 });
  const session = new Session({ model: new LeNetBN(), train });
  await session.fit({ onRecord: ({ loss }) => document.body.append(` ${loss}`) });
  gpu.destroy();
}

void main();
