// "The engine alone", as `npm run size` weighs it: what a page takes that trains and prunes one network from arrays already in
// memory. From each room what that needs: the device with its kernels, tuner and profiler; tensors and captured steps; the
// tape; the ops of convolutional and linear networks, forward and backward, in all their kernel variants; modules; the fused
// optimiser and its schedules; every pruning method; a model; the training step, its meters, checkpoints both ways. Not in it:
// readers of data sets and of files other than checkpoints, the other models with the ops that only they call (spiking
// neurons, depth, average pooling), the epoch loop with its reports. A bundler leaves out what nobody imports, so this, not the
// sum of everything exported, is what the engine costs a page; `npm run size` prints that sum beside it.
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
} from "../src/index.ts";
