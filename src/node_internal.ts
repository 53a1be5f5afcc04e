// All names of the Node host, for the command line, the tools and the tests of this repository. Published without any promise.

export { forgetGpu, type InstallOptions, installGpu } from "./node/dawn.ts";
export { endWithin } from "./node/end_surely.ts";
export {
  bugTracker,
  gitCommit,
  type RunEnvironment,
  readSwitches,
  runEnvironment,
  type Switches,
  type Versions,
  versions,
} from "./node/env.ts";
export { FileError } from "./node/file_error.ts";
export { type OpenFile, openFileRanges } from "./node/file_ranges.ts";
export { fileSource, writeAtomic } from "./node/files.ts";
export { FolderError, FolderLock, LOCK_FILE, type LockOptions } from "./node/folder_lock.ts";
export { AdapterError, type InstalledAdapter } from "./node/ladder.ts";
export { claimName, makeFolder, removeEmptyFolders } from "./node/make_folder.ts";
export { type MemoryLimit, memoryLimit } from "./node/memory_limit.ts";
export { readNir, writeNir } from "./node/nir_file.ts";
export { type LogRows, RunDirectory } from "./node/run_store.ts";
export { sweepTemporaries } from "./node/sweep.ts";
export { fileTuneStore } from "./node/tune_cache.ts";
export { SetupError } from "./setup/command.ts";
export type { Probe } from "./setup/probe.ts";
export { type Ask, doctor, ensureAdapter, type SetupOptions, setup } from "./setup/setup.ts";
