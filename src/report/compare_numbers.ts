// Numbers as people write them, in the table and on the axes of a comparison.

/** 0.995 -> 99.5. */
export const percentText = (share: number): string => String(Number((100 * share).toPrecision(7)));

/** Three significant digits, written as people do: 0.0412, 1.5e-5. */
export function significant(y: number): string {
  if (y === 0) return "0";
  const rounded = Number(y.toPrecision(3));
  return Math.abs(rounded) < 1e-3 || Math.abs(rounded) >= 1e5
    ? rounded.toExponential().replace("e+", "e")
    : String(rounded);
}

/** 12345 -> 12.3k: counts on an axis. */
export function countText(n: number): string {
  const [unit, divisor] = n >= 1e9 ? ["G", 1e9] : n >= 1e6 ? ["M", 1e6] : n >= 1e3 ? ["k", 1e3] : ["", 1];
  return `${Number((n / divisor).toPrecision(3))}${unit}`;
}
