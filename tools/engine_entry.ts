// "The engine alone" of `npm run size`: what a page needs that trains and prunes one network from arrays already in
// memory. It holds the device with its kernels, tuner and profiler; tensors and captured steps; the
// tape; the ops of convolutional and linear networks, forward and backward, in all their kernel variants; modules; the fused
// optimiser and its schedules; every pruning method; a model; the training step, its meters, writing and reading checkpoints. It leaves out
// readers of data sets and of files other than checkpoints, the other models with the ops that only they call (spiking
// neurons, depth, average pooling), and the epoch loop with its reports. A bundler drops what is not imported, so this, not the
// sum of all exports, is the size of the engine in a page; `npm run size` prints that sum beside it.
export {
  crossEntropy,
  LeNetBN,
  loadCheckpoint,
  makeLrSchedule,
  makePruningMethod,
  noGrad,
  requestGpu,
  SGD,
  saveCheckpoint,
  Tape,
  TrainStep,
} from "../src/internal.ts";
