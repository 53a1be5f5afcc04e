// Names from files in output lines: no control characters, and none that changes the direction of writing.
import fc from "fast-check";
import { expect, test } from "vitest";
import { printable, quote, visible, visibleJson, visibleLines } from "../../src/text/index.ts";

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]/;
const any = fc.string({ unit: "binary", maxLength: 60 });
const nasty = fc
  .array(fc.constantFrom("\u001b", "\u009b", "\u007f", "\r", "\n", "\t", "\u202e", "\u2028", "\u2066", "a", "[2J"))
  .map((parts) => parts.join(""));

test("each such character is spelled out", () => {
  expect(visible("a\u001b]0;x\u0007b\u009b2J\u007f")).toBe("a\\x1b]0;x\\x07b\\x9b2J\\x7f");
  expect(visible("one\r\n\ttwo")).toBe("one\\r\\n\\ttwo");
  expect(visible("\u2028\u202e\u2066evil\u2069\u200f\u061c")).toBe("\\u2028\\u202e\\u2066evil\\u2069\\u200f\\u61c");
  expect(visible("Zürich 東京 🙂 é")).toBe("Zürich 東京 🙂 é");
  expect(visibleLines("a\nb\tc\r\u001bd")).toBe("a\nb\tc\\r\\x1bd");
  expect(printable("a\u001bb\u202ec")).toBe("a?b?c");
});

test("quotes are JSON, short, and the same all over", () => {
  expect(quote("a\u001b[2J\u007f\u202e")).toBe('"a\\u001b[2J\\u007f\\u202e"');
  expect(quote(undefined)).toBe("nothing");
  expect(quote([1, "\u0085"])).toBe('[1,"\\u0085"]');
  expect(quote("x".repeat(200))).toHaveLength(80);
  expect(quote("x".repeat(200), 20)).toBe(`"${"x".repeat(16)}...`);
});

test("no text gets such a character through, and JSON stays JSON", () => {
  fc.assert(
    fc.property(fc.oneof(any, nasty), (text) => {
      for (const shown of [
        visible(text),
        printable(text),
        quote(text),
        visibleJson(JSON.stringify({ [text]: text })),
      ]) {
        expect(shown).not.toMatch(UNSAFE);
      }
      expect(visibleLines(text).replaceAll(/[\n\t]/g, "")).not.toMatch(UNSAFE);
      expect(JSON.parse(visibleJson(JSON.stringify({ [text]: text })))).toEqual(
        JSON.parse(JSON.stringify({ [text]: text })),
      );
    }),
    { numRuns: 300 },
  );
});
