import fc from "fast-check";
import { expect, test } from "vitest";
import { cutGestures, parseGestureLabels } from "../../../src/io/events/gesture_labels.ts";
import { recordingOf, refusal, rows, rowsOf, text } from "./event_files.ts";

const HEAD = "class,startTime_usec,endTime_usec";

test("reads classes from 1, either line end, blank lines", () => {
  expect(parseGestureLabels(text(`${HEAD}\r\n1,80048239,85092709\r\n\r\n11,5,6\n`))).toEqual([
    { label: 0, start: 80048239, end: 85092709 },
    { label: 10, start: 5, end: 6 },
  ]);
  expect(parseGestureLabels(text(HEAD))).toEqual([]);
});

test("refuses lines that are no labels, with line and byte", async () => {
  const read = (words: string) => refusal(() => parseGestureLabels(text(words), "f"));
  expect(await read("")).toMatchObject({ fault: "wrong content", offset: 0 });
  expect((await read("1,2,3\n")).message).toBe(`f: byte 0: line 1: expected the column names ${HEAD}, got "1,2,3"`);
  expect(await read(`${HEAD}\n1,2,3\n1,2`)).toMatchObject({ offset: HEAD.length + 7 });
  expect((await read(`${HEAD}\n12,2,3`)).message).toContain("line 2: expected a class in 1..11");
  expect((await read(`${HEAD}\n0,2,3`)).message).toContain("a class in 1..11");
  expect((await read(`${HEAD}\n1,3,3`)).message).toContain("a start before its end");
  expect((await read(`${HEAD}\n1,3,9999999999999999`)).message).toContain("a start before its end");
});

test("cuts start <= t < end, whether times rise or not", () => {
  fc.assert(
    fc.property(
      rows(4, 30),
      fc.boolean(),
      fc.array(fc.tuple(fc.nat(30), fc.integer({ min: 1, max: 20 })), { maxLength: 4 }),
      (events, sorted, spans) => {
        if (sorted) events.sort(([a], [b]) => a - b);
        const labels = spans.map(([start, long], i) => ({ label: i, start, end: start + long }));
        const cuts = cutGestures(recordingOf(events), labels);
        expect(cuts.map(({ label }) => label)).toEqual(labels.map(({ label }) => label));
        for (const [i, { recording }] of cuts.entries()) {
          const { start, end } = labels[i]!;
          expect(rowsOf(recording)).toEqual(events.filter(([t]) => t >= start && t < end));
        }
      },
    ),
  );
});
