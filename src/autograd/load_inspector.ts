// Loads the search for NaN before the first op, if the environment requests it.
import { onCheckedDevice } from "../gpu/index.ts";
import { setInspector } from "./inspection.ts";

const load = async (): Promise<void> => {
  const { inspectResult } = await import("./nan_watch.ts");
  setInspector(inspectResult);
};

/** Load the inspector with the device if the environment requests the check. Called for each op that is defined. */
export function loadWhenRequested(): void {
  onCheckedDevice(load);
}
