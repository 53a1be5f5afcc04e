// Which data each setting of a recipe's `data` is for.
import { isEventData } from "./event_data.ts";

const isImages = (name: string) => name === "images";

/** Settings that are not for all data: what they are for, in words, and by name. */
const FOR: Readonly<Record<string, readonly [what: string, (name: string) => boolean]>> = {
  by: ["event data", isEventData],
  size: ["event data and data images", (name) => isEventData(name) || isImages(name)],
  limit: ["data that is held in memory", (name) => !isImages(name)],
  resize: ["data images", isImages],
  skipBad: ["data images", isImages],
  mapping: ["data images", isImages],
  heldOut: ["data images", isImages],
  workers: ["data images", isImages],
};

/** Why a data set has no use for a setting, in words; null when it has. */
export function settingFault(key: string, name: string): string | null {
  const [what, fits] = FOR[key] ?? ["", () => true];
  return fits(name) ? null : `it is for ${what}, data.name is ${name}`;
}
