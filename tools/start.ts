// `npm start`: makes sure that there is an adapter, then trains and prunes LeNet-BN on MNIST. Flags go to `espalier train`.
import { main } from "../src/cli/program.ts";
import { ensureAdapter } from "../src/node/index.ts";

const OUT = "runs/mnist_lenet";
const NEXT = `
What next
  npm run -s espalier -- eval ${OUT}                    test the saved sparse model again
  npm start -- --threshold 0.2                                    prune harder
  npm start -- --schedule none                                    the dense network, to compare
  npm run -s espalier -- train --data fashion-mnist --epochs 5    other images
  npm run -s espalier -- train --help                             every setting
  npm run -s espalier -- info --model lenet-bn                    this adapter, this network
`;

const flags = process.argv.slice(2);
const chosen = flags.some((flag) => flag === "--out" || flag.startsWith("--out=") || flag === "--resume");
let code = 0;
try {
  await ensureAdapter();
} catch (error) {
  process.stderr.write(`espalier: ${(error as Error).message}\n`);
  code = 1;
}
code ||= await main(["train", ...(chosen ? [] : ["--out", OUT, "--overwrite"]), ...flags]);
if (code === 0 && !chosen && !flags.some((flag) => flag === "--json" || flag === "--help")) process.stdout.write(NEXT);
process.exit(code);
