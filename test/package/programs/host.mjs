// Prints the losses of training.mjs in Node, Deno or Bun. Nothing here ends the process.
import { installGpu } from "@espalier/node";
import { requestGpu } from "espalier";
import { train } from "./training.mjs";

await installGpu();
const gpu = await requestGpu();
console.log(JSON.stringify(await train()));
gpu.destroy();
