// The newer Mesa that `setup --driver mesa-latest` unpacks into the cache, with the C library that it needs. A process uses
// it only if Node was started through this C library's dynamic linker, by the program `bin/node` of the folder.
import { existsSync, readlinkSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { driverFolder } from "./cache.ts";

/** Names of the dynamic linker by processor. */
const LINKERS: Readonly<Record<string, string>> = { x64: "ld-linux-x86-64.so.2", arm64: "ld-linux-aarch64.so.1" };

/** Paths of the unpacked driver. */
export interface MesaLatest {
  readonly folder: string;
  /** Starts Node with the folder's C library; takes Node's arguments. */
  readonly node: string;
  /** Dynamic linker of the folder. */
  readonly linker: string;
  /** Exists if the user chose the driver: commands then start through it. */
  readonly chosen: string;
}

/** Return the dynamic linker's name on this processor; null where none is known. */
export const linkerName = (arch: string = process.arch): string | null => LINKERS[arch] ?? null;

/** Return the paths of the driver, whether it exists or not. */
export function mesaLatestPaths(folder: string = driverFolder("mesa-latest")): MesaLatest {
  return {
    folder,
    node: join(folder, "bin", "node"),
    linker: join(folder, linkerName() ?? "ld.so"),
    chosen: join(folder, "chosen"),
  };
}

/** Return the paths of the driver if it is set up; else null. */
export function mesaLatest(): MesaLatest | null {
  if (process.platform !== "linux") return null;
  const paths = mesaLatestPaths();
  return existsSync(paths.node) && existsSync(paths.linker) ? paths : null;
}

/** Return true if the driver is set up and the user chose it. */
export const isMesaLatestChosen = (): boolean => existsSync(mesaLatest()?.chosen ?? "");

/** Note that the user chose this driver, or another one. */
export function chooseMesaLatest(chosen: boolean): void {
  const paths = mesaLatest();
  if (paths === null) return;
  if (chosen) writeFileSync(paths.chosen, "");
  else rmSync(paths.chosen, { force: true });
}

/** Return true if `bin/node` started this process. */
export const startedByLauncher = (): boolean => Symbol.for("espalier.mesa-latest") in globalThis;

/** Return true if this process was started through the driver's dynamic linker. */
export function runsOnMesaLatest(): boolean {
  const paths = mesaLatest();
  if (paths === null) return false;
  try {
    return realpathSync(readlinkSync("/proc/self/exe")) === realpathSync(paths.linker);
  } catch {
    return false;
  }
}

/** Return the text of `bin/node`. `node` is sought in PATH unless ESPALIER_NODE names it. */
export const launcherText = (linker: string): string => `#!/bin/sh
# Starts Node with the C library of this folder, so that it can load the folder's driver. Written by "espalier setup".
bin=$(dirname "$(readlink -f "$0")")
folder=$(dirname "$bin")
if [ -z "$ESPALIER_NODE" ]; then
  rest=$PATH:
  while [ -n "$rest" ] && [ -z "$ESPALIER_NODE" ]; do
    entry=\${rest%%:*}
    rest=\${rest#*:}
    [ -x "$entry/node" ] && ! [ "$entry/node" -ef "$bin/node" ] && ESPALIER_NODE=$entry/node
  done
  [ -n "$ESPALIER_NODE" ] || { echo "espalier: $0: no other node in PATH" >&2; exit 127; }
  export ESPALIER_NODE
fi
exec "$folder/${linker}" --library-path "$folder" "$ESPALIER_NODE" --require "$folder/preload.cjs" "$@"
`;

/**
 * Text of `preload.cjs`, which runs before the program, also in worker threads. Node takes the linker for its own path:
 * programs that start Node again, by fork or process.execPath, need the path of `bin/node`.
 */
export const PRELOAD_TEXT = `"use strict";
const { writeFileSync } = require("node:fs");
const { join } = require("node:path");
const { isMainThread } = require("node:worker_threads");
process.execPath = process.argv[0] = join(__dirname, "bin", "node");
globalThis[Symbol.for("espalier.mesa-latest")] = true;
const at = process.execArgv.indexOf(__filename);
if (at > 0) process.execArgv.splice(at - 1, 2);
if (isMainThread) {
  try {
    writeFileSync("/proc/self/comm", "node"); // the name that ps and top print
  } catch {}
}
`;
