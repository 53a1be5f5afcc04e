// Text for people: parts of errors and of lines. Every folder may import it; it imports none.
export { closest } from "./closest.ts";
export { ArgumentError, checksOf, EspalierError } from "./errors.ts";
export {
  defined,
  expectKeys,
  isRecord,
  isUnread,
  type KeysOf,
  keyFault,
  onlyKeys,
  type SettingUse,
  type UsesOf,
  useFault,
} from "./expect_keys.ts";
export {
  compact,
  count,
  duration,
  isShareMetric,
  kilobytes,
  metricText,
  mib,
  percent,
  percentNumber,
  plural,
  significant,
  times,
} from "./format.ts";
export { cut, printable, quote, visible, visibleJson, visibleLines } from "./quote.ts";
export { kindOf, valueText } from "./value.ts";
export { VERSION } from "./version.ts";
