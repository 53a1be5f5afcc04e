// The Node host: an adapter through Dawn, files, and what the environment says.
export { SetupError } from "./command.ts";
export { forgetGpu, type InstallOptions, installGpu } from "./dawn.ts";
export { endWithin } from "./end_surely.ts";
export {
  bugTracker,
  gitCommit,
  type RunEnvironment,
  readSwitches,
  runEnvironment,
  type Switches,
  type Versions,
  versions,
} from "./env.ts";
export { type OpenFile, openRanges } from "./file_ranges.ts";
export { FileError, fileSource, writeAtomic } from "./files.ts";
export { FolderError, FolderLock, LOCK_FILE, type LockOptions } from "./folder_lock.ts";
export * from "./images/index.ts";
export { AdapterError, type Installed } from "./ladder.ts";
export { claimName, makeFolder, removeEmptyFolders } from "./make_folder.ts";
export { type MemoryLimit, memoryLimit } from "./memory_limit.ts";
export type { Probe } from "./probe.ts";
export { type LogRows, RunDirectory } from "./run_store.ts";
export { type Ask, doctor, ensureAdapter, type SetupOptions, setup } from "./setup.ts";
export { sweepTemporaries } from "./sweep.ts";
export { fileTuneStore } from "./tune_cache.ts";
