// The debug settings, with the search for NaN.
import { changeDebug, type DebugSettings } from "../gpu/index.ts";
import { setInspector } from "./inspection.ts";
import { inspectResult } from "./nan_watch.ts";

/**
 * Override the settings that the environment makes: `ESPALIER_DEBUG` and `ESPALIER_CHECK` in Node, `?debug` and `?check` in the
 * address of a page.
 */
export function configureDebug(change: Partial<DebugSettings>): void {
  setInspector(inspectResult);
  changeDebug(change);
}
