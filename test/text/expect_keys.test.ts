// Options of public calls: what is not among them is named, with the nearest that is.
import { describe, expect, test } from "vitest";
import { closest, expectKeys, type KeysOf, keyFault } from "../../src/text/index.ts";

interface Options {
  readonly momentum?: number;
  readonly weightDecay?: number;
}
const KEYS: KeysOf<Options> = { momentum: true, weightDecay: true };

describe("keys of options", () => {
  test("known ones pass, also absent ones and those that are undefined", () => {
    for (const given of [{}, { momentum: 1 }, { momentum: 1, weightDecay: undefined }, { other: undefined }])
      expect(keyFault(given, KEYS)).toBeNull();
  });
  test("others are named, with the nearest", () => {
    expect(keyFault({ momentun: 1 }, KEYS)).toBe(
      "unknown option momentun, expected momentum, weightDecay; did you mean momentum?",
    );
    expect(keyFault({ weight_decay: 1 }, KEYS)).toContain("did you mean weightDecay?");
    expect(keyFault({ xyzzy: 1 }, KEYS)).toBe("unknown option xyzzy, expected momentum, weightDecay");
    expect(keyFault({ constructor: 1 }, KEYS)).toContain("unknown option constructor");
    expect(keyFault({ "a\u001bb": 1 }, KEYS)).toContain("unknown option a\\x1bb");
  });
  test("what is no object is said", () => {
    expect(keyFault(null, KEYS)).toBe("expected an object of options, got null");
    expect(keyFault([1], KEYS)).toBe("expected an object of options, got a list");
    expect(keyFault(3, KEYS)).toBe("expected an object of options, got number");
  });
  test("throws the error that the caller makes", () => {
    expect(() => expectKeys({ a: 1 }, KEYS, (problem) => new RangeError(`SGD: ${problem}`))).toThrow(
      /^SGD: unknown option a, expected/,
    );
    expect(() => expectKeys({ momentum: 1 }, KEYS, () => new Error("never"))).not.toThrow();
  });
});

test("closest finds near words and leaves far ones", () => {
  expect(closest("batch_size", ["batchSize", "epochs"])).toBe("batchSize");
  expect(closest("xyzzy", ["batchSize", "epochs"])).toBeUndefined();
});
