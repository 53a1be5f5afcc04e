// Finds an adapter: the system's drivers first, then the software drivers of the cache; collects why each was refused.

import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { isMainThread } from "node:worker_threads";
import { isSoftware } from "../gpu/index.ts";
import { EspalierError } from "../text/index.ts";
import { CACHED_DRIVERS, type CachedDriver, cachePath, driverFolder } from "./cache.ts";
import { espalierCommand } from "./command_name.ts";
import { type DriverVariables, setDriverVariables, shaderFolder, usersVariables, vectorWidth } from "./driver_env.ts";
import { hasGpuNode } from "./gpu_nodes.ts";
import { makeFolder } from "./make_folder.ts";
import { runsOnMesaLatest } from "./mesa_latest.ts";
import { isRecentMesa, majorVersion, systemMesaVersion } from "./mesa_version.ts";
import { preloadDriver, systemHasLoader } from "./preload.ts";
import { systemManifests } from "./vulkan_manifests.ts";

/** No usable adapter. The message says what was tried, why it failed, and what to run. */
export class AdapterError extends EspalierError {
  override readonly name = "AdapterError";
  /** True if a software driver, which `setup` can install, would be enough. */
  readonly mendable: boolean;
  constructor(message: string, mendable = false) {
    super(message);
    this.mendable = mendable;
  }
}

/** Oldest Mesa (major version) whose lavapipe Dawn accepts: 22.3 lacks dynamic indexing. */
const DAWNS_OLDEST_MESA = 23;

/** An adapter that was found. */
export interface InstalledAdapter {
  /** Origin of the driver. */
  readonly how: "system" | CachedDriver;
  readonly name: string;
  readonly software: boolean;
}

/** Requirements of an adapter. `dawnOptions` go to Dawn's `create()`. */
export interface Wish {
  readonly dawnOptions: string[];
  readonly adapter: string | undefined;
  readonly requireGpu: boolean;
  /** Restriction to drivers of one origin. */
  readonly driver?: InstalledAdapter["how"] | undefined;
}

/** Try each rung until one gives a usable adapter. `create` is Dawn's. Errors: AdapterError with all refusals. */
export async function climb(
  create: (options: string[]) => GPU,
  wish: Wish,
  ladder: readonly Rung[] = rungs(wish),
): Promise<{ gpu: GPU; found: InstalledAdapter }> {
  const refusals: string[] = [];
  for (const rung of ladder) {
    let restore = () => {};
    try {
      restore = await rung.prepare();
      const gpu = create(wish.dawnOptions);
      // Only inspected: an adapter gives one device, and the engine requests its own.
      const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
      if (!adapter) throw new AdapterError(refusedBecause(wish.dawnOptions));
      const found = { how: rung.how, ...describeAdapter(adapter.info) };
      if (!found.software || !wish.requireGpu) return { gpu, found };
      throw new AdapterError(`${found.name} is a software adapter: expected a GPU`);
    } catch (cause) {
      restore();
      const words = cause instanceof Error ? cause.message : String(cause);
      refusals.push(`${rung.label}: ${words.trim().replaceAll("\n", "\n    ")}`);
    }
  }
  throw new AdapterError(failureText(refusals, wish), !wish.requireGpu && !wish.adapter);
}

export interface Rung {
  readonly how: InstalledAdapter["how"];
  readonly label: string;
  /** Prepare the driver for `create()`. Returns a function that undoes it. Throws why it cannot. */
  prepare(): Promise<() => void>;
}

/** Return the drivers to try, in order. */
function rungs({ requireGpu, driver }: Wish): Rung[] {
  return allRungs(requireGpu).filter(({ how }) => driver === undefined || how === driver);
}

function allRungs(requireGpu: boolean): Rung[] {
  const system: Rung = { how: "system", label: "the system's drivers", prepare: prepareSystem };
  // All drivers in the cache are software.
  if (process.platform !== "linux" || requireGpu) return [system];
  const rungOf = (how: CachedDriver): Rung => {
    const folder = driverFolder(how);
    return { how, label: `${how} in ${folder}`, prepare: () => prepareCached(how, folder) };
  };
  const first = CACHED_DRIVERS.filter(precedesSystem);
  const rest = CACHED_DRIVERS.filter((how) => !first.includes(how));
  return [...first.map(rungOf), system, ...rest.map(rungOf)];
}

/** Return true for a driver of the cache that is faster than any software driver of the system is likely to be. */
function precedesSystem(how: CachedDriver): boolean {
  if (usersVariables().VK_DRIVER_FILES || usersVariables().VK_ICD_FILENAMES) return false;
  if (how === "mesa-latest") return runsOnMesaLatest();
  return how === "mesa" && !hasGpuNode() && isRecentMesa(cachedMesaVersion(driverFolder(how)));
}

/**
 * Check for a Vulkan loader: Dawn prints a warning without one, and the check avoids it at every start on a cached driver.
 * Configure lavapipe, if the system has it.
 */
async function prepareSystem(): Promise<() => void> {
  if (process.platform === "linux" && !(await systemHasLoader()))
    throw new AdapterError("there is no Vulkan loader (libvulkan.so.1)");
  const { VK_DRIVER_FILES, VK_ICD_FILENAMES } = usersVariables();
  const chosen = VK_DRIVER_FILES ?? VK_ICD_FILENAMES;
  const mesa = process.platform === "linux" ? systemMesaVersion(chosen) : null;
  if (process.platform === "linux" && !chosen && !process.env["VK_ADD_DRIVER_FILES"] && !hasGpuNode()) {
    const lack = lackOfDriver(systemManifests(), mesa);
    if (lack !== null) throw new AdapterError(lack);
  }
  return setDriverVariables(mesaVariables(mesa));
}

/**
 * Return why the drivers of a system without a GPU cannot work; null if they may. Checked before Dawn runs, because Dawn and
 * the Vulkan loader print their errors to stderr, even if a driver of the cache is used in the end.
 */
export function lackOfDriver(manifests: readonly string[], lavapipe: string | null): string | null {
  if (manifests.length === 0) return "there is no Vulkan driver: found no manifest (vulkan/icd.d/*.json)";
  if (lavapipe !== null && majorVersion(lavapipe) < DAWNS_OLDEST_MESA)
    return `lavapipe: expected Mesa ${DAWNS_OLDEST_MESA} or newer, got ${lavapipe}`;
  return null;
}

/** Point the Vulkan loader at a cached driver, by the new variable and the one of older loaders. */
async function prepareCached(how: CachedDriver, folder: string): Promise<() => void> {
  const manifest = join(folder, "icd.json");
  if (!existsSync(manifest)) throw new AdapterError("not set up");
  if (how === "mesa-latest") expectItsLinker();
  else {
    if (!isMainThread)
      throw new AdapterError("a worker thread cannot load it; call installGpu() on the main thread first");
    const { ICD } = JSON.parse(readFileSync(manifest, "utf8")) as { ICD: { library_path: string } };
    await preloadDriver(folder, basename(ICD.library_path));
  }
  const mesa = how === "swiftshader" ? null : cachedMesaVersion(folder);
  return setDriverVariables({ ...mesaVariables(mesa), VK_DRIVER_FILES: manifest, VK_ICD_FILENAMES: manifest });
}

function expectItsLinker(): void {
  if (runsOnMesaLatest()) return;
  throw new AdapterError(
    `it needs its own C library, which must be there when Node starts: start the program with ${espalierCommand()} exec, as in ${espalierCommand()} exec node program.js`,
  );
}

/** Return the version of Mesa in the cache, which set-up noted; null if it did not. */
function cachedMesaVersion(folder: string): string | null {
  try {
    return /^mesa-vulkan-drivers=(\S+)$/m.exec(readFileSync(join(folder, "SOURCE"), "utf8"))?.[1] ?? null;
  } catch {
    return null;
  }
}

/** Return the variables that configure lavapipe: the width of its vectors, and a folder that keeps compiled shaders. */
function mesaVariables(mesa: string | null): DriverVariables {
  const width = vectorWidth(mesa);
  const folder = cachePath("shaders", shaderFolder(mesa, width));
  try {
    makeFolder(folder);
  } catch {
    return { LP_NATIVE_VECTOR_WIDTH: width }; // a read-only home only costs compile time
  }
  return { LP_NATIVE_VECTOR_WIDTH: width, MESA_SHADER_CACHE_DIR: folder };
}

/** Return the name of an adapter, which drivers put into different fields, and true for one that computes on the CPU. */
export function describeAdapter(info: GPUAdapterInfo): { name: string; software: boolean } {
  const name = info.description || info.device || info.architecture || info.vendor || "an unnamed adapter";
  return { name, software: isSoftware(info) };
}

/**
 * Return Dawn's reason for finding no adapter. Dawn prints it from C to stderr, so another process repeats the request
 * and its stderr is read.
 */
function refusedBecause(dawnOptions: readonly string[]): string {
  const script = `const { create } = await import(${JSON.stringify(import.meta.resolve("webgpu"))});
    const gpu = create(${JSON.stringify(dawnOptions)});
    await gpu.requestAdapter({ powerPreference: "high-performance" });`;
  const { stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
    encoding: "utf8",
    timeout: 20_000,
  });
  const words = (stderr ?? "")
    .split("\n")
    .map((line) => /^(?:Warning|Error): (.*)/.exec(line)?.[1]?.trim())
    .filter((line) => line !== undefined && !line.includes("artificially reduced"));
  return [...new Set(words)].join("; ") || "no adapter";
}

function failureText(refusals: readonly string[], { requireGpu, adapter }: Wish): string {
  const wanted = adapter ? ` whose name contains ${JSON.stringify(adapter)}` : "";
  const tried = refusals.map((line) => `  - ${line}`).join("\n");
  if (requireGpu)
    return `expected a hardware adapter${wanted}, got none. Tried:\n${tried}\nInstall the GPU's Vulkan driver, or drop --require-gpu (ESPALIER_REQUIRE_GPU).`;
  if (adapter) return `no WebGPU adapter${wanted}. Tried:\n${tried}\nUse part of an adapter's name, or none.`;
  const remedy =
    process.platform === "linux"
      ? `To get a software adapter, run: ${espalierCommand()} setup`
      : "This system brings its own driver: update the graphics driver, and check that the session has access to the GPU.";
  return `no WebGPU adapter. Tried:\n${tried}\n${remedy}`;
}
