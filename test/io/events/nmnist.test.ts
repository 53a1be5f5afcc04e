import fc from "fast-check";
import { expect, test } from "vitest";
import { parseNMnist, writeNMnist } from "../../../src/io/events/nmnist.ts";
import { recordingOf, refusal, rows, rowsOf } from "./event_files.ts";

test("reads the bits of an event", () => {
  const bytes = new Uint8Array([33, 2, 0x81, 0x02, 0x03, 0, 32, 0x7f, 0xff, 0xff]);
  expect(rowsOf(parseNMnist(bytes))).toEqual([
    [0x010203, 33, 2, 1],
    [0x7fffff, 0, 32, 0],
  ]);
});

test("reads back its output, with times in any order", () => {
  fc.assert(
    fc.property(rows(256, 2 ** 23, { minLength: 1 }), (events) => {
      const bytes = writeNMnist(recordingOf(events));
      expect(rowsOf(parseNMnist(bytes, "f", { sensor: [256, 256] }))).toEqual(events);
    }),
  );
});

test("refuses truncated and empty files and events outside the sensor, with the byte", async () => {
  const bytes = new Uint8Array([1, 1, 0, 0, 0, 34, 0, 0, 0, 0]);
  expect(await refusal(() => parseNMnist(bytes, "f"))).toMatchObject({
    fault: "outside the sensor",
    offset: 5,
    message: "f: byte 5: event 1: expected a pixel of the sensor, 34 x 34 (width x height), got x 34, y 0",
  });
  expect(await refusal(() => parseNMnist(new Uint8Array([0, 240, 0, 0, 0]), "f"))).toMatchObject({ offset: 0 });
  expect(await refusal(() => parseNMnist(bytes.subarray(0, 8), "f"))).toMatchObject({ fault: "truncated", offset: 5 });
  expect(await refusal(() => parseNMnist(new Uint8Array(0), "f"))).toMatchObject({ fault: "empty", offset: 0 });
  expect(rowsOf(parseNMnist(bytes, "f", { sensor: [2, 35] }))).toHaveLength(2);
  expect(() => parseNMnist(bytes, "f", { sensor: [0, 34] })).toThrow("parseNMnist: sensor: expected [height, width]");
});

test("does not write a recording beyond the format's range", () => {
  expect(() => writeNMnist(recordingOf([[0, 256, 0, 0]]))).toThrow(
    "event 0: expected x and y up to 255 and t up to 8388607, got x 256, y 0, t 0",
  );
  expect(() => writeNMnist(recordingOf([[2 ** 23, 0, 0, 0]]))).toThrow(RangeError);
});
