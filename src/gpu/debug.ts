// Debug levels: 1 pipelines compiled, 2 time per kernel, 3 allocations and tape, 4 final WGSL.
// ESPALIER_DEBUG=2 in Node, ?debug=2 in a page. ESPALIER_CHECK=nan stops at the first op that makes a NaN.

/** DebugSettings of `configureDebug`. */
export interface DebugSettings {
  /** 0 nothing, 1 pipelines compiled, 2 time per kernel, 3 allocations and tape, 4 final WGSL. */
  level: number;
  /** True: stop at the first op that makes a NaN. */
  checkNan: boolean;
  /** Receives each line. Default: console.error. */
  log: (line: string) => void;
}

function initial(): DebugSettings {
  const env = (globalThis as { process?: { env?: Record<string, string | undefined> } }).process?.env;
  const query = typeof location === "undefined" ? null : new URLSearchParams(location.search);
  return {
    level: Number(env?.["ESPALIER_DEBUG"] ?? query?.get("debug") ?? 0) || 0,
    checkNan: (env?.["ESPALIER_CHECK"] ?? query?.get("check")) === "nan",
    log: (line) => console.error(line),
  };
}

const settings = initial();

/** Return the debug level in force, 0 to 4. */
export function debugLevel(): number {
  return settings.level;
}
export function checksNan(): boolean {
  return settings.checkNan;
}
export function debugLog(line: string): void {
  settings.log(line);
}
/** Override the environment's settings. */
export function changeDebug(change: Partial<DebugSettings>): void {
  Object.assign(settings, change);
}

/** Functions to call before the first op on a device, if ops are checked for NaN. */
const preparations = new Set<() => Promise<void>>();

/** Call `prepare` before a device is handed out while ops are checked for NaN. */
export function onCheckedDevice(prepare: () => Promise<void>): void {
  preparations.add(prepare);
}
/** @internal */
export async function prepareChecks(): Promise<void> {
  if (settings.checkNan) for (const prepare of preparations) await prepare();
}
