// One reader for the three raw formats, for files whose kind is only known from what is in them.

import { aedatVersion } from "./aedat_header.ts";
import { parseAedat2 } from "./aedat2.ts";
import { parseAedat3 } from "./aedat3.ts";
import { parseNMnist } from "./nmnist.ts";
import { EventError, type EventRecording, type SensorOptions } from "./types.ts";

export type RawEventFormat = "nmnist" | "aedat2" | "aedat3";

/** AEDAT files say their version in the first line; N-MNIST files have no header, so any other bytes are taken for one. */
export function rawEventFormat(bytes: Uint8Array): RawEventFormat {
  const version = aedatVersion(bytes);
  return version === null ? "nmnist" : `aedat${version}`;
}

/**
 * Reads a recording in any of the raw formats.
 *
 * Options   sensor, default that of the format.
 * Errors    EventError as from parseNMnist, parseAedat2 and parseAedat3; also for AEDAT of other versions.
 */
export function parseEvents(bytes: Uint8Array, name = "events", options: SensorOptions = {}): EventRecording {
  const format = rawEventFormat(bytes);
  if (format === "aedat2") return parseAedat2(bytes, name, options);
  if (format === "aedat3") return parseAedat3(bytes, name, options);
  if (new TextDecoder("latin1").decode(bytes.subarray(0, 9)) === "#!AER-DAT") {
    throw new EventError(name, "no header", 0, "AEDAT of a version that is not read, 2 and 3 are");
  }
  return parseNMnist(bytes, name, options);
}
