// Event data: frames of recordings, and data sets of frames, from files or synthetic.
export { CIFAR10_CLASSES, type Cifar10DvsOptions, type Cifar10DvsRule, loadCifar10Dvs } from "./cifar10_dvs.ts";
export { loadDvsGesture } from "./dvs_gesture.ts";
export {
  type EventDataset,
  EventDatasetBuilder,
  type EventDatasetShape,
  type EventFrameOptions,
  eventDataset,
  type SliceBy,
} from "./event_dataset.ts";
export {
  type FrameSize,
  framesByDuration,
  framesByNumber,
  framesByTime,
  type PaddedFrames,
  padFrames,
} from "./integrate.ts";
export type { EventLoadOptions } from "./labelled_files.ts";
export { loadNMnist } from "./nmnist.ts";
export { loadNpzEvents, type NpzOptions } from "./npz_frames.ts";
export {
  SYNTHETIC_CLASSES,
  type SyntheticDatasetOptions,
  type SyntheticOptions,
  syntheticEventDataset,
  syntheticEvents,
} from "./synthetic.ts";
