// Reads numbers on the command line. Commander adds the name of the option to an error.
import { InvalidArgumentError } from "commander";

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
