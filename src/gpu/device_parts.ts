// Parts of the engine that only some adapters use, such as the kernels of software adapters. They are loaded when a device
// is requested, so that a page on another adapter does not download them.
import type { AdapterReport } from "./adapter_report.ts";

/** Load a part if this adapter uses it; else return undefined. Called again for each device. */
export type PartLoader = (adapter: AdapterReport) => Promise<unknown> | undefined;

const loaders = new Set<PartLoader>();
let latest: AdapterReport | null = null;

/**
 * Register a part: `requestGpu` waits for it. Until it is loaded, the caller uses kernels that run everywhere. If a device
 * exists already, loading begins at once.
 */
export function onDevice(load: PartLoader): void {
  loaders.add(load);
  // An error is reported by the next request for a device; until then the caller's general kernels run.
  if (latest) load(latest)?.catch(() => {});
}

/** Load the registered parts for an adapter. Throws the error of a part that cannot be loaded. */
export async function loadDeviceParts(adapter: AdapterReport): Promise<void> {
  latest = adapter;
  await Promise.all([...loaders].map((load) => load(adapter)));
}
