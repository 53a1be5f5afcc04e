// The environment variables that the Vulkan loader and Mesa read: the user's values are respected, and the values set here do
// not count as the user's in child processes.
import { readFileSync } from "node:fs";
import { isRecentMesa } from "./mesa_version.ts";
import { nativeAccess } from "./native.ts";

/** Variables that choose and configure a driver. */
export interface DriverVariables {
  /** Manifests that the Vulkan loader reads, and the name of the same variable in older loaders. */
  readonly VK_DRIVER_FILES?: string | undefined;
  readonly VK_ICD_FILENAMES?: string | undefined;
  /** Bits of lavapipe's vectors. */
  readonly LP_NATIVE_VECTOR_WIDTH?: string | undefined;
  readonly MESA_SHADER_CACHE_DIR?: string | undefined;
}
type Name = keyof DriverVariables;

const NAMES: readonly Name[] = [
  "VK_DRIVER_FILES",
  "VK_ICD_FILENAMES",
  "LP_NATIVE_VECTOR_WIDTH",
  "MESA_SHADER_CACHE_DIR",
];
/** Holds the values that were set here, as JSON, for this process and its children. */
const MARK = "ESPALIER_DRIVER_VARIABLES";

type Environment = Readonly<Record<string, string | undefined>>;

function marked(env: Environment): DriverVariables {
  try {
    return JSON.parse(env[MARK] ?? "{}") as DriverVariables;
  } catch {
    return {};
  }
}

/** Return the values that the user gave: not those that this process or its parent set. */
export function usersVariables(env: Environment = process.env): DriverVariables {
  const ours = marked(env);
  return Object.fromEntries(
    NAMES.filter((name) => env[name] && env[name] !== ours[name]).map((name) => [name, env[name]]),
  );
}

/** The user's values of these are respected; a driver of the cache is chosen even if the user chose one that does not work. */
const SETTINGS: ReadonlySet<Name> = new Set(["LP_NATIVE_VECTOR_WIDTH", "MESA_SHADER_CACHE_DIR"]);

/** Set variables for C code, and remove those that were set earlier. Returns a function that undoes it. */
export async function setDriverVariables(values: DriverVariables): Promise<() => void> {
  const { setVariable } = await nativeAccess();
  const users = usersVariables();
  const chosen = NAMES.filter((name) => values[name] && !(SETTINGS.has(name) && users[name]));
  const ours: DriverVariables = Object.fromEntries(chosen.map((name) => [name, values[name]]));
  const before = [...NAMES, MARK].map((name) => [name, process.env[name]] as const);
  for (const name of NAMES) setVariable(name, ours[name] ?? users[name]);
  setVariable(MARK, chosen.length > 0 ? JSON.stringify(ours) : undefined);
  return () => {
    for (const [name, value] of before) setVariable(name, value);
  };
}

/** Return true if the processor computes on vectors of 512 bits as it does on shorter ones (AVX-512 VL). */
function hasAvx512(): boolean {
  try {
    return /^flags\s*:.*\bavx512vl\b/m.test(readFileSync("/proc/cpuinfo", "utf8"));
  } catch {
    return false;
  }
}

/**
 * Return the width of lavapipe's vectors in bits as Mesa expects it; undefined for its own choice. Since 26.1 a width of 512
 * makes steps faster; before, it only makes compilation slower.
 */
export function vectorWidth(
  mesa: string | null,
  users: string | undefined = usersVariables().LP_NATIVE_VECTOR_WIDTH,
  wide: () => boolean = hasAvx512,
): string | undefined {
  return users ?? (isRecentMesa(mesa) && wide() ? "512" : undefined);
}

/**
 * Return the name of the folder for the compiled shaders of a driver. The driver takes a shader that was compiled for another
 * width for its own, so each version and width has a folder.
 */
export function shaderFolder(mesa: string | null, width: string | undefined): string {
  const name = mesa === null ? "other" : `mesa-${mesa}`;
  return `${name}${width === undefined ? "" : `-${width}`}`.replaceAll(/[^\w.+~-]/g, "_");
}
