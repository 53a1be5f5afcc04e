// Debug levels: 1 pipelines compiled, 2 time per kernel, 3 allocations and tape, 4 final WGSL.
// ESPALIER_DEBUG=2 in Node, ?debug=2 in a page. ESPALIER_CHECK=nan stops at the first op that makes a NaN.

interface Settings {
  level: number;
  checkNan: boolean;
  log: (line: string) => void;
}

function initial(): Settings {
  const env = (globalThis as { process?: { env?: Record<string, string | undefined> } }).process?.env;
  const query = typeof location === "undefined" ? null : new URLSearchParams(location.search);
  return {
    level: Number(env?.["ESPALIER_DEBUG"] ?? query?.get("debug") ?? 0) || 0,
    checkNan: (env?.["ESPALIER_CHECK"] ?? query?.get("check")) === "nan",
    log: (line) => console.error(line),
  };
}

const settings = initial();

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
export function configureDebug(change: Partial<Settings>): void {
  Object.assign(settings, change);
}
