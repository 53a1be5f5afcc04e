// Words for people: what errors and lines are made of. Every room may use it; it knows none.
export { closest } from "./closest.ts";
export { ArgumentError, EspalierError } from "./errors.ts";
export {
  expectKeys,
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
  kilobytes,
  mib,
  percent,
  percentNumber,
  plural,
  significant,
  times,
} from "./format.ts";
export { cut, printable, quote, visible, visibleJson, visibleLines } from "./quote.ts";
