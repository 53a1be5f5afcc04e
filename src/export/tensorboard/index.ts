// Event files for TensorBoard.
export { crc32c } from "./crc32c.ts";
export {
  type EncodeOptions,
  type EventImage,
  type EventValue,
  encodeEvents,
  eventFileName,
  type TensorBoardEvent,
} from "./events.ts";
export { type Histogram, histogram } from "./histogram.ts";
export { tensorboardEvents, weightEvents } from "./run_events.ts";
