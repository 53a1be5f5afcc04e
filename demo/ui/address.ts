// Settings in the page's address, after the #. A link restores a run; only settings that differ from the defaults are written.
import { DEFAULTS, type Settings } from "../shared/settings.ts";
import { choices, isChoiceKey, isNumberKey, type Key, parseNumber } from "./fields.ts";

/** Return the part of the address for these settings: "#model=spiking-cnn&threshold=0.2", or "" for the defaults. */
export function addressOf(settings: Settings): string {
  const query = new URLSearchParams();
  for (const key of Object.keys(DEFAULTS) as Key[])
    if (settings[key] !== DEFAULTS[key]) query.set(key, String(settings[key]));
  const text = query.toString();
  return text && `#${text}`;
}

/** Read the settings of an address. Invalid ones get their defaults and are listed in `ignored`. Never throws. */
export function settingsOf(hash: string): { readonly settings: Settings; readonly ignored: readonly string[] } {
  const settings: Record<Key, unknown> = { ...DEFAULTS };
  const ignored: string[] = [];
  for (const [key, text] of new URLSearchParams(hash.replace(/^#/, ""))) {
    if (isNumberKey(key)) {
      const parsed = parseNumber(key, text);
      if ("value" in parsed) {
        settings[key] = parsed.value;
        continue;
      }
    } else if (isChoiceKey(key) && choices(key).includes(text)) {
      settings[key] = text;
      continue;
    }
    ignored.push(`${key}=${text}`.slice(0, 60));
  }
  // Every value was checked above.
  return { settings: settings as unknown as Settings, ignored };
}
