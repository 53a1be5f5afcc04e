// One reader for the three raw formats, for files of unknown format.

import { aedatVersion } from "./aedat_header.ts";
import { parseAedat2 } from "./aedat2.ts";
import { parseAedat3 } from "./aedat3.ts";
import { parseNMnist } from "./nmnist.ts";
import { EventError, type EventRecording, type SensorOptions } from "./types.ts";

/** Format of an event file. */
export type RawEventFormat = "nmnist" | "aedat2" | "aedat3";

/**
 * Return the format by the first line. AEDAT files name their version there; any other bytes are N-MNIST, which has no
 * header.
 */
export function rawEventFormat(bytes: Uint8Array): RawEventFormat {
  const version = aedatVersion(bytes);
  return version === null ? "nmnist" : `aedat${version}`;
}

/**
 * Read a recording in any of the raw formats.
 *
 * Options   sensor, default that of the format.
 * Errors    EventError as from parseNMnist, parseAedat2 and parseAedat3; also for AEDAT of other versions.
 */
export function parseEvents(bytes: Uint8Array, name = "events", options: SensorOptions = {}): EventRecording {
  const format = rawEventFormat(bytes);
  if (format === "aedat2") return parseAedat2(bytes, name, options);
  if (format === "aedat3") return parseAedat3(bytes, name, options);
  if (new TextDecoder("latin1").decode(bytes.subarray(0, 9)) === "#!AER-DAT")
    throw new EventError(name, "no header", 0, "expected AEDAT version 2 or 3, got another version");
  return parseNMnist(bytes, name, options);
}
