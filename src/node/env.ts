// Reads the environment: switches, versions, the commit. Only this file reads them for the Node host.

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ArgumentError, VERSION } from "../text/index.ts";
import { CACHED_DRIVERS, type CachedDriver } from "./cache.ts";

/** Switches that environment variables set. */
export interface Switches {
  /** ESPALIER_DEBUG: 0 quiet, 1 pipelines, 2 kernel times, 3 allocations, 4 final WGSL. */
  readonly debug: number;
  /** ESPALIER_CHECK=nan: stop at the first op that makes a NaN. */
  readonly checkNan: boolean;
  /** ESPALIER_REQUIRE_GPU=1 makes a software adapter an error. */
  readonly requireGpu: boolean;
  /** ESPALIER_ADAPTER: part of the adapter's name. */
  readonly adapter: string | undefined;
  /** ESPALIER_DRIVER: origin of the driver, the system or one of the cache; undefined: the first one that works. */
  readonly driver: "system" | CachedDriver | undefined;
  /** ESPALIER_SPIN=1 polls software adapters without pause, which is Dawn's default. */
  readonly spin: boolean;
  /** ESPALIER_TUNE: choice of kernels by timing: off, auto (on hardware; the default), on. */
  readonly tune: "off" | "auto" | "on";
  /** ESPALIER_MATRIX=off: do not use matrix units, which WebGPU offers as an experiment only. */
  readonly matrix: boolean;
  /**
   * ESPALIER_MEMORY: MiB allowed for the GPU's buffers, overriding the system's figure; undefined: the system's figure.
   */
  readonly memory: number | undefined;
}

/** Reads the switches. Errors: ArgumentError naming a variable whose value is none of the known ones. */
export function readSwitches(env: Readonly<Record<string, string | undefined>> = process.env): Switches {
  const oneOf = (name: string, known: readonly string[]): string => {
    const value = env[name] ?? "";
    if (value === "" || known.includes(value)) return value;
    throw new ArgumentError(`${name}: expected one of ${known.join(", ")}, got ${JSON.stringify(value)}`);
  };
  return {
    debug: Number(oneOf("ESPALIER_DEBUG", ["0", "1", "2", "3", "4"])),
    checkNan: oneOf("ESPALIER_CHECK", ["nan"]) === "nan",
    requireGpu: oneOf("ESPALIER_REQUIRE_GPU", ["0", "1"]) === "1",
    adapter: env["ESPALIER_ADAPTER"] || undefined,
    driver: (oneOf("ESPALIER_DRIVER", ["system", ...CACHED_DRIVERS]) || undefined) as Switches["driver"],
    spin: oneOf("ESPALIER_SPIN", ["0", "1"]) === "1",
    tune: (oneOf("ESPALIER_TUNE", ["off", "auto", "on"]) || "auto") as Switches["tune"],
    matrix: oneOf("ESPALIER_MATRIX", ["off", "auto"]) !== "off",
    memory: mebibytes("ESPALIER_MEMORY", env["ESPALIER_MEMORY"] ?? ""),
  };
}

function mebibytes(name: string, text: string): number | undefined {
  if (text === "") return undefined;
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new ArgumentError(`${name}: expected a number of MiB > 0, got ${JSON.stringify(text)}`);
}

/**
 * Return the root of a package of this project: the nearest folder above a module with its package.json. In a checkout that
 * is the root of the repository.
 *
 * @param module Address of the module; default: this one.
 */
export function packageRoot(module: string = import.meta.url): string {
  let folder = dirname(fileURLToPath(module));
  for (;;) {
    const found = readPackage(join(folder, "package.json"));
    if (/^(?:espalier(?:-repository)?|@espalier\/(?:node|cli))$/.test(found?.name ?? "")) return folder;
    const up = dirname(folder);
    if (up === folder) throw new Error("cannot find espalier's package.json above its code");
    folder = up;
  }
}

interface Package {
  readonly name?: string;
  readonly version?: string;
  readonly homepage?: string;
  readonly bugs?: string | { readonly url?: string };
}

function readPackage(path: string): Package | null {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as Package;
  } catch {
    return null;
  }
}

function webgpuVersion(): string | null {
  try {
    const entry = createRequire(import.meta.url).resolve("webgpu");
    return readPackage(join(dirname(entry), "package.json"))?.version ?? null;
  } catch {
    return null;
  }
}

/** Versions on which a result depends. */
export interface Versions {
  readonly espalier: string;
  readonly node: string;
  /** Version of the npm package that binds Dawn; null if it is not installed. */
  readonly webgpu: string | null;
  readonly platform: string;
}

export function versions(): Versions {
  return {
    espalier: VERSION,
    node: process.versions.node,
    webgpu: webgpuVersion(),
    platform: `${process.platform}-${process.arch}`,
  };
}

/** Return the address for bug reports in package.json, or null. */
export function bugTracker(): string | null {
  const bugs = readPackage(join(packageRoot(), "package.json"))?.bugs;
  return (typeof bugs === "object" ? bugs.url : bugs) ?? null;
}

/** Return the address of the documentation in package.json, or null. */
export function homepage(): string | null {
  return readPackage(join(packageRoot(), "package.json"))?.homepage ?? null;
}

/** Return the commit checked out in `folder`, with `+changes` if files differ from it; null outside git. */
export function gitCommit(folder: string = packageRoot()): string | null {
  const git = (...args: string[]) =>
    spawnSync("git", ["-C", folder, ...args], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"], timeout: 5000 });
  const head = git("rev-parse", "HEAD");
  if (head.status !== 0) return null;
  // A copy installed inside another repository is not at that repository's commit.
  if (git("ls-files", "--error-unmatch", "package.json").status !== 0) return null;
  const dirty = git("status", "--porcelain", "--untracked-files=no").stdout.trim() !== "";
  return head.stdout.trim() + (dirty ? "+changes" : "");
}

/** Environment that a run saves beside its metrics. */
export interface RunEnvironment extends Versions {
  readonly commit: string | null;
  readonly started: string;
}

export function runEnvironment(): RunEnvironment {
  return { ...versions(), commit: gitCommit(), started: new Date().toISOString() };
}
