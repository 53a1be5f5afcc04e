// Gives Node the browser's `navigator.gpu`, by Dawn: on the system's adapter, else on a software driver of the cache.

import { availableParallelism } from "node:os";
import { configureTuning } from "../gpu/index.ts";
import { expectKeys, type KeysOf, visible } from "../text/index.ts";
import { espalierCommand } from "./command_name.ts";
import { readSwitches } from "./env.ts";
import { AdapterError, climb, type InstalledAdapter, type Wish } from "./ladder.ts";
import { isMesaLatestChosen, runsOnMesaLatest } from "./mesa_latest.ts";
import { importPackage } from "./packages.ts";
import { calmPolling } from "./polling.ts";
import { fileTuneStore } from "./tune_cache.ts";

/** Options of `installGpu`. */
export interface InstallOptions {
  /** True makes a software adapter an error. Default: ESPALIER_REQUIRE_GPU. */
  readonly requireGpu?: boolean | undefined;
  /** Part of the adapter's name. Default: ESPALIER_ADAPTER; without it the fastest. */
  readonly adapter?: string | undefined;
  /** Dawn's toggles by name, as in `dump_shaders`. */
  readonly toggles?: readonly string[];
  /** Origin of the driver: the system, or the cache. Default: ESPALIER_DRIVER; without it the first one that works. */
  readonly driver?: InstalledAdapter["how"] | undefined;
}

/** The toggle with which Dawn offers features that are not final, such as subgroup matrices. The engine requests those it uses. */
const EXPERIMENTS = "allow_unsafe_apis";

interface Ready {
  readonly found: InstalledAdapter;
  publish(): void;
}

/**
 * Adapters by request. The map also keeps Dawn's objects alive: Dawn crashes if one is collected while its adapters
 * live.
 */
const ready = new Map<string, Promise<Ready>>();
/** Adapters of lost devices, which stay alive too. */
const forgotten: Promise<Ready>[] = [];

/** Make the next `installGpu` reload Dawn and the driver, after a device was lost. */
export function forgetGpu(): void {
  forgotten.push(...ready.values());
  ready.clear();
}

/**
 * Set `navigator.gpu` and the WebGPU globals, as in a page.
 *
 * Tries (1) the system's drivers, (2) the software drivers of the cache, with (3) the cache's Vulkan loader if the
 * system has none. Without a GPU, a Mesa of at least 26.1 in the cache comes first. Sets the variables of this process that
 * choose a cached driver and configure Mesa (VK_DRIVER_FILES, VK_ICD_FILENAMES, LP_NATIVE_VECTOR_WIDTH,
 * MESA_SHADER_CACHE_DIR), but keeps the user's values. A second call with the same options returns the first result. Errors: AdapterError if nothing works, or only software and `requireGpu`
 * is set; RangeError for an unknown switch in the environment.
 *
 * @example
 * const { name, software } = await installGpu();
 * console.log(name, software);
 * const gpu = await requestGpu();
 */
export async function installGpu(options: InstallOptions = {}): Promise<InstalledAdapter> {
  const known: KeysOf<InstallOptions> = { requireGpu: true, adapter: true, toggles: true, driver: true };
  expectKeys(options, known, (problem) => new AdapterError(`installGpu: ${problem}`));
  const switches = readSwitches();
  const adapter = options.adapter ?? switches.adapter;
  if (adapter !== undefined && (typeof adapter !== "string" || adapter.trim() === ""))
    throw new AdapterError(`adapter: expected part of an adapter's name, got ${JSON.stringify(adapter)}`);
  const toggles = [...(switches.matrix ? [EXPERIMENTS] : []), ...(options.toggles ?? [])];
  const dawnOptions = [
    ...(adapter ? [`adapter=${adapter}`] : []),
    ...(toggles.length > 0 ? [`enable-dawn-features=${toggles.join(",")}`] : []),
  ];
  const driver = options.driver ?? switches.driver;
  const wish: Wish = { dawnOptions, adapter, driver, requireGpu: options.requireGpu ?? switches.requireGpu };
  const key = JSON.stringify(wish);
  let pending = ready.get(key);
  if (!pending) {
    pending = open(wish);
    ready.set(key, pending);
    // A failure is not cached: `setup` may fix it and try again.
    pending.catch(() => ready.delete(key));
  }
  const { found, publish } = await pending;
  publish();
  configureTuning({ mode: switches.tune, store: fileTuneStore() });
  if (found.software) {
    noteSoftware(found.name, options.driver === undefined);
    if (!switches.spin) calmPolling();
  }
  return found;
}

async function open(wish: Wish): Promise<Ready> {
  const dawn = await importPackage("webgpu", "WebGPU in Node needs", () => import("webgpu")).catch((cause: unknown) => {
    throw new AdapterError((cause as Error).message);
  });
  const { gpu, found } = await climb(dawn.create, wish);
  return { found, publish: () => publish(gpu, dawn.globals) };
}

/**
 * Define `navigator.gpu` and globals such as `GPUBufferUsage`. Node 20 has no navigator; later versions have a
 * read-only global.
 */
function publish(gpu: GPU, globals: object): void {
  for (const [name, value] of Object.entries(Object.getOwnPropertyDescriptors(globals))) {
    Object.defineProperty(globalThis, name, { ...value, configurable: true });
  }
  const property = { value: gpu, configurable: true, enumerable: true, writable: true };
  if (globalThis.navigator) Object.defineProperty(globalThis.navigator, "gpu", property);
  else {
    const navigator = { userAgent: `Node.js/${process.versions.node}`, hardwareConcurrency: availableParallelism() };
    Object.defineProperty(navigator, "gpu", property);
    Object.defineProperty(globalThis, "navigator", { value: navigator, configurable: true, writable: true });
  }
}

/** Print one line for this process and its children, which inherit the mark. `advise`: the caller named no driver. */
function noteSoftware(name: string, advise: boolean): void {
  if (process.env["ESPALIER_SOFTWARE_NOTED"]) return;
  process.env["ESPALIER_SOFTWARE_NOTED"] = "1";
  const newer = advise && isMesaLatestChosen() && !runsOnMesaLatest();
  const advice = newer ? `; a faster driver is set up: start the program with ${espalierCommand()} exec` : "";
  process.stderr.write(
    `espalier: no GPU in use: the software adapter ${visible(name)} is about a hundred times slower than a GPU${advice}\n`,
  );
}
