// Public entry `@espalier/node`: an adapter through Dawn, and files. For Node, Deno and Bun.
export type { CachedDriver } from "./node/cache.ts";
export { forgetGpu, type InstallOptions, installGpu } from "./node/dawn.ts";
export { FileError } from "./node/file_error.ts";
export { type OpenFile, openFileRanges } from "./node/file_ranges.ts";
export { fileSource, writeAtomic } from "./node/files.ts";
export { AdapterError, type InstalledAdapter } from "./node/ladder.ts";
export { readNir, writeNir } from "./node/nir_file.ts";
export { fileTuneStore } from "./node/tune_cache.ts";
