import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseAedat2 } from "../../../src/io/events/aedat2.ts";
import { parseAedat3 } from "../../../src/io/events/aedat3.ts";
import { parseEvents, rawEventFormat } from "../../../src/io/events/parse_events.ts";
import { AEDAT3_HEADER, aedat2, joined, packet, type Row, refusal, rows, rowsOf, text } from "./event_files.ts";

const head = text(AEDAT3_HEADER);

describe("AEDAT 2", () => {
  test("turns axes and polarity of CIFAR10-DVS", () => {
    const address = [0, 0, (5 << 0) | 0, (9 << 1) | 1]; // xr = 9, yr = 5, pr = 1
    const bytes = joined(text("#!AER-DAT2.0\n"), new Uint8Array([...address, 0xff, 0, 0, 1]));
    expect(rowsOf(parseAedat2(bytes))).toEqual([[0xff000001, 122, 118, 0]]);
  });

  test("reads events after any header, with times in any order", () => {
    const lines = fc.array(
      fc.string({ unit: "grapheme-ascii" }).map((words) => `#${words.replace(/\n/g, "")}\n`),
      { maxLength: 4 },
    );
    fc.assert(
      fc.property(lines, rows(128, 2 ** 32, { minLength: 1 }), (header, events) => {
        const bytes = aedat2(events, `#!AER-DAT2.0\r\n${header.join("")}`);
        expect(rowsOf(parseAedat2(bytes))).toEqual(events);
      }),
    );
  });

  test("names the byte of a fault", async () => {
    const bytes = aedat2([[1, 2, 3, 1]], "#!AER-DAT2.0\n");
    expect(await refusal(() => parseAedat2(bytes.subarray(0, 18), "f"))).toMatchObject({
      fault: "truncated",
      offset: 13,
    });
    expect(await refusal(() => parseAedat2(bytes.subarray(0, 13), "f"))).toMatchObject({ fault: "empty", offset: 13 });
    expect(await refusal(() => parseAedat2(bytes.subarray(0, 12), "f"))).toMatchObject({
      fault: "truncated",
      offset: 0,
    });
    expect(await refusal(() => parseAedat2(new Uint8Array(0), "f"))).toMatchObject({ fault: "empty" });
    expect(await refusal(() => parseAedat2(new Uint8Array(8), "f"))).toMatchObject({ fault: "no header", offset: 0 });
    expect((await refusal(() => parseAedat2(head, "f"))).message).toContain(
      "byte 0: expected an AEDAT 2 file, got AEDAT 3",
    );
    const small = { sensor: [64, 64] } as const;
    const outside = aedat2([[0, 100, 3, 1]], "#!AER-DAT2.0\n");
    expect(await refusal(() => parseAedat2(outside, "f", small))).toMatchObject({
      fault: "outside the sensor",
      offset: 13,
    });
  });
});

describe("AEDAT 3", () => {
  test("joins packets of polarity events and skips the others", () => {
    const first: Row[] = [
      [5, 127, 0, 1],
      [9, 0, 127, 0],
    ];
    const last: Row[] = [[7, 64, 3, 1]];
    const other = packet([[1, 2, 3, 1]], { type: 0, size: 8 });
    const bytes = joined(head, packet(first), other, packet([]), packet(last), packet([], { type: 3 }));
    expect(rowsOf(parseAedat3(bytes))).toEqual([...first, ...last]);
  });

  test("continues times after a clock overflow, exactly up to 2^53", async () => {
    const at = (overflow: number, time: number) =>
      parseAedat3(joined(head, packet([[time, 0, 0, 0]], { overflow })), "f").t[0];
    const largest = Number(((2n ** 22n - 1n) << 31n) | (2n ** 31n - 1n));
    expect(at(2 ** 22 - 1, 2 ** 31 - 1)).toBe(largest);
    expect(largest).toBe(Number.MAX_SAFE_INTEGER);
    const refused = await refusal(() => at(2 ** 22, 0));
    expect(refused.message).toContain("byte 47: the clock overflowed 4194304 times: times would exceed 2^53 us");
    fc.assert(
      fc.property(fc.nat(2 ** 22 - 1), fc.nat(2 ** 31 - 1), fc.boolean(), (overflow, time, high) => {
        const word = time + (high ? 2 ** 31 : 0);
        expect(at(overflow, word)).toBe(Number(BigInt(word) | (BigInt(overflow) << 31n)));
      }),
    );
  });

  test("reads or skips slots without an event", () => {
    const events = [
      [1, 2, 3, 1, 1],
      [4, 5, 6, 0, 0],
    ] as const;
    const bytes = joined(head, packet(events, { room: 1 }));
    expect(rowsOf(parseAedat3(bytes))).toEqual([
      [1, 2, 3, 1],
      [4, 5, 6, 0],
      [0, 0, 0, 0],
    ]);
    expect(rowsOf(parseAedat3(bytes, "f", { validOnly: true }))).toEqual([[1, 2, 3, 1]]);
  });

  test("names the byte of a fault", async () => {
    const good = packet([[1, 2, 3, 1]]);
    const read = (...parts: Uint8Array[]) => refusal(() => parseAedat3(joined(head, ...parts), "f"));
    const start = head.length;
    expect(await read(good.subarray(0, 20))).toMatchObject({ fault: "truncated", offset: start });
    expect(await read(good, good.subarray(0, 30))).toMatchObject({ fault: "truncated", offset: start + good.length });
    expect(await read()).toMatchObject({ fault: "empty" });
    expect(await read(packet([]))).toMatchObject({ fault: "empty" });
    expect((await read(packet([[1, 2, 3, 1]], { size: 4 }))).message).toContain(
      "byte 47: expected polarity events of 8 bytes with the time at byte 4, got 4 bytes with the time at 4",
    );
    expect((await read(packet([[1, 2, 3, 1]], { timeOffset: 0 }))).message).toContain("with the time at 0");
    expect((await read(packet([[1, 2, 3, 1]], { count: 2 }))).message).toContain(
      "byte 47: expected at most 1 events in the packet, got 2",
    );
    expect(await read(packet([[1, 128, 3, 1]]))).toMatchObject({ fault: "outside the sensor", offset: start + 28 });
    const huge = packet([[1, 2, 3, 1]], { type: 2, size: 2 ** 32 - 1 });
    new DataView(huge.buffer).setUint32(16, 2 ** 32 - 1, true);
    expect(await read(huge)).toMatchObject({ fault: "truncated", offset: start });
    const endless = text("#!AER-DAT3.1\r\n#more\r\n");
    expect(await refusal(() => parseAedat3(endless, "f"))).toMatchObject({
      fault: "no header",
      offset: endless.length,
    });
  });
});

test("recognises the kind by the bytes", async () => {
  const events: Row[] = [[1, 2, 3, 1]];
  expect(rowsOf(parseEvents(aedat2(events)))).toEqual(events);
  expect(rowsOf(parseEvents(joined(head, packet(events))))).toEqual(events);
  expect(rowsOf(parseEvents(new Uint8Array([2, 3, 0x80, 0, 1])))).toEqual(events);
  expect(rawEventFormat(new Uint8Array(0))).toBe("nmnist");
  expect(await refusal(() => parseEvents(text("#!AER-DAT4.0\n"), "f"))).toMatchObject({ fault: "no header" });
});
