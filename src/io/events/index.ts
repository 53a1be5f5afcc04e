// Readers and writers of event files.

export { CIFAR10_DVS_SENSOR, parseAedat2 } from "./aedat2.ts";
export { type Aedat3Options, DVS128_SENSOR, parseAedat3 } from "./aedat3.ts";
export { cutGestures, GESTURE_CLASSES, type GestureLabel, parseGestureLabels } from "./gesture_labels.ts";
export { NMNIST_SENSOR, parseNMnist, writeNMnist } from "./nmnist.ts";
export { type EventNpz, parseEventNpz, parseNpz, writeEventNpz, writeNpz } from "./npz.ts";
export { parseEvents, type RawEventFormat, rawEventFormat } from "./parse_events.ts";
export {
  EventError,
  type EventFault,
  type EventFrames,
  type EventRecording,
  type SensorOptions,
  type SensorSize,
} from "./types.ts";
