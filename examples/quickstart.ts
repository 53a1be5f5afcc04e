// Trains and prunes a small network on points of a plane: the program of the README. Run: npm run -s example -- quickstart

import { installGpu } from "@espalier/node";
import { Linear, ReLU, requestGpu, Sequential, Session } from "espalier";

await installGpu(); // in Node, Deno and Bun; a page has WebGPU
const gpu = await requestGpu();
const model = new Sequential([new Linear(2, 64), new ReLU(), new Linear(64, 64), new ReLU(), new Linear(64, 2)]);

const x = Array.from({ length: 2000 }, () => [2 * Math.random() - 1, 2 * Math.random() - 1]);
const y = x.map(([a = 0, b = 0]) => (a * b > 0 ? 1 : 0)); // which of two pairs of quadrants
const session = new Session({ model, data: { x, y }, config: { epochs: 30, prune: { sparsity: 0.9 } } });

const { last } = await session.fit();
console.log(`accuracy ${last?.accuracy.toFixed(3)}, share of zeros ${last?.sparsity.toFixed(3)}`);
session.dispose();
gpu.destroy();
