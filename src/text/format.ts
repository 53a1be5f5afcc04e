// Numbers for people: shares, sizes, times, counts. The same on every machine and in every table, log and figure.

/**
 * Write a share as "94.99 %". Rounds down: a share that was not reached is never shown as reached, so "100.00 %" means
 * all. A share above 0 that would read "0.00 %" becomes "< 0.01 %".
 */
export function percent(share: number, digits = 2): string {
  const all = 10 ** (digits + 2);
  const show = (steps: number) => `${((100 * steps) / all).toFixed(digits)} %`;
  // 0.57 * 1e4 is 5699.999999999999: a product within 1e-9 of an integer counts as that integer.
  const steps = Math.floor(share * all + 1e-9);
  if (share > 0 && steps === 0) return `< ${show(1)}`;
  return show(share < 1 ? Math.min(steps, all - 1) : steps);
}

/** Write a share in per cent without a unit and with all its digits: 0.995 -> "99.5". For ticks and levels. */
export const percentNumber = (share: number): string => String(Number((100 * share).toFixed(9)));

/** Write an integer with commas: 1234567 -> "1,234,567". */
export const count = (n: number): string => String(Math.round(n)).replaceAll(/\B(?=(\d{3})+(?!\d))/g, ",");

/** Write a count and its noun: "1 epoch", "3 epochs", "2 branches". */
export const plural = (n: number, noun: string, many = `${noun}s`): string => `${count(n)} ${n === 1 ? noun : many}`;

/** Write a number with at most `digits` significant digits: 0.0412, 1.5e-5. */
export function significant(value: number, digits = 3): string {
  if (value === 0) return "0";
  const rounded = Number(value.toPrecision(digits));
  const size = Math.abs(rounded);
  return size < 1e-3 || size >= 1e5 ? rounded.toExponential().replace("e+", "e") : String(rounded);
}

/** Write at most three significant digits, as `significant`, and a unit for each factor of 1000: 532, 12.3k, 1.2M. */
export function compact(n: number, units: readonly string[] = ["", "k", "M", "G", "T"], space = ""): string {
  let at = 0;
  while (at < units.length - 1 && Number((n / 1000 ** at).toPrecision(3)) >= 1000) at++;
  return `${significant(n / 1000 ** at)}${space}${units[at]}`;
}

/** Write a ratio: "3.33x", "20.0x", "120x". A ratio of null means that nothing is left. */
export function times(ratio: number | null): string {
  return ratio === null ? "nothing left" : `${ratio.toFixed(ratio < 9.995 ? 2 : ratio < 99.95 ? 1 : 0)}x`;
}

/** Write bytes in MiB. */
export const mib = (bytes: number, digits = 1): string => `${(bytes / 2 ** 20).toFixed(digits)} MiB`;

/** Write bytes in kB of 1000 bytes, as file managers do. */
export const kilobytes = (bytes: number): string => `${(bytes / 1000).toFixed(1)} kB`;

/** Write a time in seconds: "12.3 s", "1 min 15 s", "2 h 5 min". `digits` are those of seconds below a minute. */
export function duration(seconds: number, digits = 1): string {
  if (Number(seconds.toFixed(digits)) < 60) return `${seconds.toFixed(digits)} s`;
  const isLong = seconds >= 3599.5;
  const [total, large, small] = isLong
    ? ([Math.round(seconds / 60), "h", "min"] as const)
    : ([Math.round(seconds), "min", "s"] as const);
  const rest = total % 60;
  return `${count(Math.floor(total / 60))} ${large}${rest === 0 ? "" : ` ${rest} ${small}`}`;
}

/** Measurements from 0 to 1, which are written as percentages. */
const SHARES = new Set(["accuracy", "label-accuracy", "f1"]);

/** Return true for a measurement from 0 to 1. */
export const isShareMetric = (metric: string): boolean => SHARES.has(metric);

/** Write the value of a measurement: shares such as accuracy in per cent, others with five digits. */
export const metricText = (metric: string, value: number): string =>
  isShareMetric(metric) ? percent(value) : Number.isFinite(value) ? significant(value, 5) : "none";
