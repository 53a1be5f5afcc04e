// Formats numbers for the page. Narrow no-break spaces keep a number and its unit on one line.
import { percent as roundedDown } from "../../src/text/format.ts";
import { currentLanguage } from "../texts/text.ts";

/** Text for an unknown number. */
export const UNKNOWN = "–";

type Maybe = number | null | undefined;

const known = (value: Maybe): value is number => typeof value === "number" && Number.isFinite(value);

/** Format a share in per cent, rounded down: one decimal, two above 99 %. */
export function percent(share: Maybe): string {
  if (!known(share)) return UNKNOWN;
  return roundedDown(share, share > 0.99 && share < 1 ? 2 : 1).replaceAll(" ", "\u202f");
}

/** Format an integer with the separators of the language. */
export function count(value: Maybe): string {
  if (!known(value)) return UNKNOWN;
  return Math.round(value).toLocaleString(currentLanguage());
}

/** Format with three significant digits; powers of ten only for very small and very large numbers. */
export function short(value: Maybe): string {
  if (!known(value)) return UNKNOWN;
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 10000) return size >= 1e9 ? value.toExponential(1) : count(value);
  if (size < 0.0001) return value.toExponential(1);
  return String(Number(value.toPrecision(3)));
}

/** Format bytes in units of 1000. */
export function bytes(value: Maybe): string {
  if (!known(value)) return UNKNOWN;
  if (value < 1000) return `${Math.round(value)}\u202fB`;
  const units = ["kB", "MB", "GB", "TB"];
  let size = value / 1000;
  let unit = 0;
  while (size >= 999.5 && unit < units.length - 1) {
    size /= 1000;
    unit++;
  }
  return `${size >= 100 ? Math.round(size) : size.toFixed(1)}\u202f${units[unit]}`;
}

/** Format milliseconds; below 0.01 ms as microseconds, from a second on as seconds. */
export function milliseconds(value: Maybe): string {
  if (!known(value)) return UNKNOWN;
  if (value > 0 && value < 0.01) return `${(value * 1000).toFixed(1)}\u202fµs`;
  if (value >= 999.5) return `${(value / 1000).toFixed(value >= 9950 ? 0 : 1)}\u202fs`;
  return `${value >= 100 ? Math.round(value) : value.toFixed(value >= 10 ? 1 : 2)}\u202fms`;
}

/** Format a ratio: "12 ×". */
export function times(value: Maybe): string {
  if (!known(value) || value <= 0) return UNKNOWN;
  return `${value >= 10 ? Math.round(value) : value.toFixed(1)}\u202f×`;
}
