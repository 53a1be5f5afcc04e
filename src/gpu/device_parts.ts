// Parts of the engine that only some adapters use, such as the kernels of software adapters. They are loaded when a device
// is requested, so that a page on another adapter does not download them.
import type { AdapterReport } from "./adapter_report.ts";

/** Load a part if the adapter uses it. Called again for each device. */
type PartLoader = (adapter: AdapterReport) => Promise<unknown> | undefined;

const loaders = new Set<PartLoader>();
let latest: AdapterReport | null = null;

/**
 * Register a part: `requestGpu` waits for it on adapters that use it. If a device exists already, loading begins at once.
 * Returns a function that gives the part, or null until it is loaded: the caller then uses kernels that run everywhere.
 */
export function devicePart<Part>(
  uses: (adapter: AdapterReport) => boolean,
  load: () => Promise<Part>,
): () => Part | null {
  let loaded: Part | null = null;
  const loader: PartLoader = (adapter) =>
    uses(adapter)
      ? load().then((part) => {
          loaded = part;
        })
      : undefined;
  loaders.add(loader);
  // An error is reported by the next request for a device; until then the caller's general kernels run.
  if (latest) loader(latest)?.catch(() => {});
  return () => loaded;
}

/** Load the registered parts for an adapter. Throws the error of a part that cannot be loaded. */
export async function loadDeviceParts(adapter: AdapterReport): Promise<void> {
  latest = adapter;
  await Promise.all([...loaders].map((load) => load(adapter)));
}
