// Reads event files back with a reader that shares no code with the writer. TensorBoard's reader is Python and not part of
// these tests; framing and fields follow its sources.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  encodeEvents,
  eventFileName,
  histogram,
  type TensorBoardEvent,
  tensorboardEvents,
  weightEvents,
} from "../../src/export/index.ts";
import { crc32c } from "../../src/io/crc32c.ts";
import type { EpochRecord, StepRecord } from "../../src/train/index.ts";
import { readEvents, readRecords } from "../support/event_file_reader.ts";

const ascii = (text: string) => new TextEncoder().encode(text);
const base64 = (bytes: Uint8Array) => btoa(String.fromCharCode(...bytes));

describe("CRC-32C", () => {
  // RFC 3720, appendix B.4, and the check value of CRC catalogues.
  test.each([
    ["123456789", ascii("123456789"), 0xe3069283],
    ["32 zeros", new Uint8Array(32), 0x8a9136aa],
    ["32 ones", new Uint8Array(32).fill(255), 0x62a8ab43],
    ["0 to 31", Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
    ["nothing", new Uint8Array(0), 0],
  ])("%s", (_, bytes, wanted) => {
    expect(crc32c(bytes)).toBe(wanted);
  });
});

describe("files", () => {
  test("has the expected bytes", () => {
    const bytes = encodeEvents([{ wallTime: 1.5, step: 3, values: [{ tag: "a", scalar: 0.25 }] }]);
    const [version, event] = readRecords(bytes) as [Uint8Array, Uint8Array];
    // Field 1 as a double, field 3 as text.
    expect([...version]).toEqual([9, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f, 26, 13, ...ascii("brain.Event:2")]);
    // Field 2 as a varint, field 5 of one value: tag, float.
    const value = [10, 1, 97, 21, 0, 0, 0x80, 0x3e];
    expect([...event]).toEqual([
      9,
      0,
      0,
      0,
      0,
      0,
      0,
      0xf8,
      0x3f,
      16,
      3,
      42,
      value.length + 2,
      10,
      value.length,
      ...value,
    ]);
    expect([...bytes.subarray(0, 8)]).toEqual([version.length, 0, 0, 0, 0, 0, 0, 0]);
  });

  test("round-trips all kinds of values", () => {
    const png = Uint8Array.of(0x89, 0x50, 0x4e, 0x47);
    const h = { min: -1, max: 2, count: 4, sum: 1.5, sumOfSquares: 5.25, limits: [0, 1, 3], counts: [1, 2, 1] };
    const events: TensorBoardEvent[] = [
      { wallTime: 1e9 + 0.5, step: 0, values: [{ tag: "loss/train", scalar: -0.5 }] },
      {
        wallTime: 2e9,
        step: 2 ** 40,
        values: [
          { tag: "weights/fc", histogram: h },
          { tag: "filters", image: { width: 3, height: 2, png, channels: 3 } },
          { tag: "card", text: "# Grüße\n|a|" },
        ],
      },
    ];
    expect(readEvents(encodeEvents(events))).toEqual([
      { wall_time: 1e9 + 0.5, file_version: "brain.Event:2" },
      { wall_time: 1e9 + 0.5, summary: { value: [{ tag: "loss/train", simple_value: -0.5 }] } },
      {
        wall_time: 2e9,
        step: String(2 ** 40),
        summary: {
          value: [
            {
              tag: "weights/fc",
              histo: {
                min: -1,
                max: 2,
                num: 4,
                sum: 1.5,
                sum_squares: 5.25,
                bucket_limit: [0, 1, 3],
                bucket: [1, 2, 1],
              },
            },
            { tag: "filters", image: { height: 2, width: 3, colorspace: 3, encoded_image_string: base64(png) } },
            {
              tag: "card",
              tensor: { dtype: 7, tensor_shape: {}, string_val: [base64(ascii("# Grüße\n|a|"))] },
              metadata: { plugin_data: { plugin_name: "text" } },
            },
          ],
        },
      },
    ]);
  });

  test("marks the step from which a run resumes", () => {
    const bytes = encodeEvents([{ wallTime: 2, step: 7, values: [], start: true }]);
    expect(readEvents(bytes)).toEqual([
      { wall_time: 2, file_version: "brain.Event:2" },
      { wall_time: 2, step: "7", session_log: { status: 1 } },
    ]);
  });

  test("round-trips any numbers, and appended pieces", () => {
    const scalar = fc.float({ noNaN: true });
    const value = fc.record({ tag: fc.string({ minLength: 1, unit: "grapheme" }), scalar });
    const event = fc.record({
      wallTime: fc.double({ min: 0, max: 1e12, noNaN: true }),
      step: fc.nat(),
      values: fc.array(value, { maxLength: 4 }),
    });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 6 }), fc.nat(6), (events, cut) => {
        const whole = encodeEvents(events);
        const parts = [encodeEvents(events.slice(0, cut)), encodeEvents(events.slice(cut), { header: false })];
        if (events.length > 0 && cut > 0) expect(Uint8Array.from(parts.flatMap((p) => [...p]))).toEqual(whole);
        const read = readEvents(whole) as {
          summary?: { value?: { tag?: string; simple_value?: number | string }[] };
        }[];
        const got = read.slice(1).map((e) => (e.summary?.value ?? []).map((v) => [v.tag, Number(v.simple_value)]));
        expect(got).toEqual(events.map((e) => e.values.map((v) => [v.tag, v.scalar])));
      }),
      { numRuns: 60 },
    );
  });

  test("detects a change of any byte", () => {
    const bytes = encodeEvents([{ wallTime: 1, step: 1, values: [{ tag: "x", scalar: 1 }] }]);
    for (let i = 0; i < bytes.length; i++) {
      const broken = bytes.slice();
      broken[i] = broken[i]! ^ 0x10;
      expect(() => readRecords(broken)).toThrow(/record/);
    }
  });

  test.each([
    ["a negative step", { wallTime: 1, step: -1, values: [] }, /step: expected an integer >= 0, got -1/],
    ["an invalid time", { wallTime: Number.NaN, step: 1, values: [] }, /wallTime: expected seconds/],
    ["no tag", { wallTime: 1, step: 1, values: [{ tag: "", scalar: 1 }] }, /tag: expected a name/],
    ["no number", { wallTime: 1, step: 1, values: [{ tag: "a", scalar: "1" }] }, /a: expected a number/],
    [
      "more limits than counts",
      { wallTime: 1, step: 1, values: [{ tag: "h", histogram: { ...histogram([1]), counts: [] } }] },
      /h: expected one count per limit/,
    ],
    [
      "a start with values",
      { wallTime: 1, step: 1, values: [{ tag: "a", scalar: 1 }], start: true },
      /start: expected no values/,
    ],
    [
      "a picture of no size",
      { wallTime: 1, step: 1, values: [{ tag: "i", image: { width: 0, height: 1, png: new Uint8Array(1) } }] },
      /i: expected an image/,
    ],
  ])("refuses %s", (_, event, message) => {
    expect(() => encodeEvents([event as unknown as TensorBoardEvent])).toThrow(message);
  });

  test("makes names that TensorBoard reads, for any host name", () => {
    expect(eventFileName(1700000000.9, "../a b")).toBe("events.out.tfevents.1700000000.-a-b");
    expect(eventFileName(1, "")).toBe("events.out.tfevents.1.espalier");
  });
});

describe("histograms", () => {
  test("count every value in its bucket", () => {
    const values = fc.array(fc.oneof(fc.constant(0), fc.double({ noNaN: true, min: -1e6, max: 1e6 })), {
      minLength: 1,
    });
    fc.assert(
      fc.property(values, (list) => {
        const h = histogram(list);
        expect([h.count, h.min, h.max]).toEqual([list.length, Math.min(...list) || 0, Math.max(...list) || 0]);
        expect(h.limits.length).toBe(h.counts.length);
        expect(h.limits.every((limit, i) => i === 0 || limit > h.limits[i - 1]!)).toBe(true);
        const wanted = h.limits.map((limit, i) => {
          const from = i === 0 ? Number.NEGATIVE_INFINITY : h.limits[i - 1]!;
          return list.filter((v) => v >= from && v < limit).length;
        });
        expect(h.counts).toEqual(wanted);
      }),
    );
  });

  test("have a range that ends at 0, not -0", () => {
    expect(histogram([-0])).toMatchObject({ min: 0, max: 0 });
  });

  test("have a separate bucket for zeros", () => {
    const h = histogram(Float32Array.of(0, 0, 0, -1e-3, 1e-3, 2));
    const zeros = h.counts.indexOf(3);
    expect([h.limits[zeros - 1], h.limits[zeros]]).toEqual([0, 1e-12]);
    // Four filled buckets and the merged empty ones between them.
    expect(h.limits.length).toBeLessThanOrEqual(8);
  });

  test("skip values that are not finite, and accept an empty list", () => {
    expect(histogram([Number.NaN, 1, Number.POSITIVE_INFINITY]).count).toBe(1);
    expect(histogram([])).toEqual({
      min: 0,
      max: 0,
      count: 0,
      sum: 0,
      sumOfSquares: 0,
      limits: [Number.MAX_VALUE],
      counts: [0],
    });
  });
});

describe("records of a run", () => {
  const step: StepRecord = {
    kind: "step",
    step: 20,
    epoch: 0.5,
    loss: 1.25,
    accuracy: 0.5,
    lr: 0.125,
    threshold: 0.25,
    sparsity: 0.75,
    lambda: 1,
    lambdaEffective: 2,
    lambdaDecay: 3,
    lambdaTotal: 5,
  };
  const layer = { name: "fc.weight", weights: 8, zeros: 6, pruned: 1, regrown: 0, iou: 1 };
  const unseen = { hiddenMean: null, hiddenMax: null, transition: null, limited: null };
  const epoch: EpochRecord = {
    kind: "epoch",
    epoch: 1,
    step: 40,
    loss: 1,
    accuracy: 0.5,
    testLoss: 0.5,
    testAccuracy: 0.875,
    sparsity: 0.75,
    threshold: 0.25,
    pruned: 1,
    regrown: 0,
    changes: 1,
    layers: [
      { ...layer, ...unseen, threshold: 0.5 },
      { ...layer, ...unseen, name: "conv.weight", zeros: 0, threshold: null },
    ],
    seconds: 2,
  };
  const tags = (event: TensorBoardEvent | undefined) =>
    Object.fromEntries((event?.values ?? []).map((v) => [v.tag, "scalar" in v ? v.scalar : null]));

  test("converts a step", () => {
    const [event] = tensorboardEvents(step, 9);
    expect([event?.step, event?.wallTime]).toEqual([20, 9]);
    expect(tags(event)).toMatchObject({
      "loss/train": 1.25,
      "accuracy/train": 0.5,
      "sparsity/total": 0.75,
      threshold: 0.25,
      lambda: 1,
      lr: 0.125,
    });
  });

  test("adds numbers of the host", () => {
    expect(tags(tensorboardEvents(step, 9, { "speed/steps_per_second": 4 })[0])).toMatchObject({
      "loss/train": 1.25,
      "speed/steps_per_second": 4,
    });
  });

  test("converts an epoch with its layers", () => {
    const [event] = tensorboardEvents(epoch, 9);
    expect(tags(event)).toMatchObject({
      "loss/test": 0.5,
      "accuracy/test": 0.875,
      "sparsity/fc": 0.75,
      "sparsity/conv": 0,
      "threshold_of/fc": 0.5,
    });
    expect(tags(event)).not.toHaveProperty("threshold_of/conv");
    expect(tags(event)).not.toHaveProperty("accuracy/test_soft_gates");
    expect(tags(tensorboardEvents({ ...epoch, softAccuracy: 0.9 }, 9)[0])["accuracy/test_soft_gates"]).toBe(0.9);
  });

  test("weights", () => {
    const weights = new Map([
      ["fc.weight", { data: Float32Array.of(0, 0, 1, -1), shape: [2, 2] }],
      ["fc.bias", { data: Float32Array.of(1), shape: [1] }],
    ]);
    const [event] = weightEvents(weights, 5, 1);
    expect(event?.values).toEqual([{ tag: "weights/fc", histogram: histogram([0, 0, 1, -1]) }]);
    expect(weightEvents(new Map(), 5, 1)).toEqual([]);
  });
});
