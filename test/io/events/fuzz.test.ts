// Any bytes give a recording or an EventError, within a short time.
import fc from "fast-check";
import { expect, test } from "vitest";
import { parseAedat2 } from "../../../src/io/events/aedat2.ts";
import { parseAedat3 } from "../../../src/io/events/aedat3.ts";
import { parseGestureLabels } from "../../../src/io/events/gesture_labels.ts";
import { parseNMnist } from "../../../src/io/events/nmnist.ts";
import { parseEventNpz, writeEventNpz } from "../../../src/io/events/npz.ts";
import { parseEvents } from "../../../src/io/events/parse_events.ts";
import { EventError } from "../../../src/io/events/types.ts";
import { AEDAT3_HEADER, aedat2, joined, packet, type Row, recordingOf, text } from "./event_files.ts";

const events: Row[] = [
  [1, 2, 3, 1],
  [4, 5, 6, 0],
];
const labels = text("class,startTime_usec,endTime_usec\n1,2,3\n2,3,4\n");
const wholeFiles = [
  aedat2(events),
  joined(text(AEDAT3_HEADER), packet(events), packet(events, { type: 2 }), packet(events, { room: 2 })),
  writeEventNpz(recordingOf(events)),
  labels,
];

/** Random bytes, headers with random bytes behind, and good files with some bytes changed or cut off. */
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  fc.uint8Array({ maxLength: 200 }).map((tail) => joined(text(AEDAT3_HEADER), tail)),
  fc.uint8Array({ maxLength: 60 }).map((tail) => joined(text("#!AER-DAT2.0\r\n"), tail)),
  fc
    .tuple(fc.constantFrom(...wholeFiles), fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 5 }), fc.nat())
    .map(([file, changes, cut]) => {
      const copy = file.slice(0, cut % 2 === 0 ? 1 + (cut % file.length) : file.length);
      for (const [at, value] of changes) copy[at % copy.length] = value;
      return copy;
    }),
);

test.each<[string, (data: Uint8Array) => unknown]>([
  ["parseNMnist", (data) => parseNMnist(data, "f")],
  ["parseAedat2", (data) => parseAedat2(data, "f", { sensor: [100, 100] })],
  ["parseAedat3", (data) => parseAedat3(data, "f")],
  ["parseAedat3 validOnly", (data) => parseAedat3(data, "f", { validOnly: true })],
  ["parseEvents", (data) => parseEvents(data, "f")],
  ["parseGestureLabels", (data) => parseGestureLabels(data, "f")],
  ["parseEventNpz", (data) => parseEventNpz(data, "f")],
])("%s throws nothing but EventError", async (_name, parse) => {
  await fc.assert(
    fc.asyncProperty(bytes, async (data) => {
      try {
        await parse(data);
      } catch (error) {
        expect(error).toBeInstanceOf(EventError);
        expect((error as Error).message).toMatch(/^f: byte \d+: [^\r\n]+$/);
      }
    }),
    { numRuns: 400 },
  );
});
