// Prints the driver that a process gets, what the engine reports of it, and one result computed on it.
import { currentGpu, lavapipe, requestGpu } from "../../src/gpu/index.ts";
import { installGpu } from "../../src/node/dawn.ts";
import { matmul } from "../../src/ops/index.ts";
import { tensor } from "../../src/tensor/index.ts";

const { how } = await installGpu();
await requestGpu();
const product = await matmul(tensor([1, 2, 3, 4], [2, 2]), tensor([5, 6, 7, 8], [2, 2])).data();
const facts = { how, lavapipe: lavapipe(currentGpu().adapter), product: [...product] };
process.stdout.write(`${JSON.stringify(facts)}\n`, () => process.exit(0));
