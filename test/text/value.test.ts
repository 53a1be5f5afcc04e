import { expect, test } from "vitest";
import { kindOf, valueText } from "../../src/text/index.ts";

class Own {}

test.each<[unknown, string, string]>([
  [null, "null", "null"],
  [undefined, "undefined", "undefined"],
  [3, "number", "3"],
  [Number.NaN, "number", "NaN"],
  ["cosine", "string", "cosine"],
  ["0.1", "string", '"0.1"'],
  ["", "string", '""'],
  [true, "boolean", "true"],
  [[1, 2], "a list", "1,2"],
  [{ a: 1 }, "object", "object"],
  [Object.create(null), "object", "object"],
  [new Own(), "Own", "Own"],
  [() => 1, "function", "function"],
])("describes %s", (value, kind, text) => {
  expect(kindOf(value)).toBe(kind);
  expect(valueText(value)).toBe(text);
});
