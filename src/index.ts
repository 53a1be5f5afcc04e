// Espalier: train and prune neural networks on WebGPU. This file is the public surface of the entry `espalier`.
export * from "./internal.ts";
