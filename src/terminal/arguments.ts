// Reads numbers on the command line, and rewrites usage errors of commander, which name the option.
import { InvalidArgumentError } from "commander";
import { closest } from "../text/index.ts";

export function number(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) throw new InvalidArgumentError(`expected a number${meant(text)}`);
  return value;
}

export function atLeast0(text: string): number {
  const value = number(text);
  if (value < 0) throw new InvalidArgumentError("expected a number >= 0");
  return value;
}

/** Suggest the number behind a decimal comma or a percentage: "0,5" -> 0.5, "50%" -> 0.5. */
function meant(text: string): string {
  const [, digits = "", percent] = /^([+-]?\d*[.,]?\d+)\s*(%?)$/.exec(text.trim()) ?? [];
  const value = Number(digits.replace(",", "."));
  if (digits === "" || !Number.isFinite(value)) return "";
  return `; did you mean ${percent ? value / 100 : value}?`;
}

export function above0(text: string): number {
  const value = number(text);
  if (value <= 0) throw new InvalidArgumentError("expected a number > 0");
  return value;
}

/** Return a reader of integers >= `least`. */
export const whole =
  (least: number) =>
  (text: string): number => {
    const value = number(text);
    if (!Number.isInteger(value) || value < least) throw new InvalidArgumentError(`expected an integer >= ${least}`);
    return value;
  };

/** Read three numbers, for the channels of images: "0.5,0.4,0.3". */
export function threeNumbers(text: string): number[] {
  const values = text.split(",").map((part) => (part.trim() === "" ? Number.NaN : Number(part)));
  if (values.length !== 3 || !values.every(Number.isFinite))
    throw new InvalidArgumentError("expected three numbers such as 0.485,0.456,0.406");
  return values;
}

export function threeAbove0(text: string): number[] {
  const values = threeNumbers(text);
  if (!values.every((value) => value > 0)) throw new InvalidArgumentError("expected three numbers > 0");
  return values;
}

/** Rewrites of commander's messages: a pattern, and the line in the form of all other errors. */
const REWRITES: readonly [RegExp, (parts: string[]) => string][] = [
  [
    /^option '(?:-\w, )?(--[\w-]+).*' argument '(.*)' is invalid\. Allowed choices are (.*)\.$/s,
    ([flag, value = "", choices = ""]) => {
      const near = closest(value, choices.split(", "));
      return `${flag}: expected one of ${choices}, got ${value}${near === undefined ? "" : `; did you mean ${near}?`}`;
    },
  ],
  [
    /^option '(?:-\w, )?(--[\w-]+).*?' argument '(.*)' is invalid\. (expected [^;]*)(.*)$/s,
    ([flag, value, expected, advice]) => `${flag}: ${expected}, got ${value}${advice}`,
  ],
  [/^option '(?:-\w, )?(--[\w-]+) ?(.*)' argument missing$/, ([flag, value]) => `${flag}: expected ${value}, got none`],
  [/^required option '(--[\w-]+) (.*)' not specified$/, ([flag, value]) => `${flag}: expected ${value}, got none`],
  [/^missing required argument '(.*)'$/, ([name]) => `expected <${name}>, got none`],
  [
    /^too many arguments for '(.*)'\. Expected (.*) but got (.*)\.$/,
    ([name, expected, got]) => `${name}: expected ${expected}, got ${got}`,
  ],
  [/^unknown (\w+) '(.*)'$/, ([what, name]) => `unknown ${what} ${name}; --help lists all`],
];

/** Return commander's usage error as one line in the form of all other errors. */
export function usageLine(text: string): string {
  const [, problem = "", guess] = /^error: (.*?)(?:\n\(Did you mean (.*)\?\))?\n*$/s.exec(text) ?? [null, text.trim()];
  const advice = guess === undefined ? "" : `; did you mean ${guess}?`;
  for (const [pattern, line] of REWRITES) {
    const found = pattern.exec(problem);
    if (found) return `espalier: ${line(found.slice(1))}${advice}`;
  }
  return `espalier: ${problem}${advice}`;
}
