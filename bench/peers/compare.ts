// Runs the workloads: starts and checks every side's process, then times all of them in turn.

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { objectsMade } from "../cases/calls.ts";
import { median } from "../lib/statistics.ts";
import { Child, type Command } from "./child.ts";
import { decodeFloats, type Prepared } from "./protocol.ts";
import { deviationOf, type SideResult, type WorkloadResult } from "./report.ts";
import { toleranceOf, type Workload } from "./workloads.ts";

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** Names of the sides. The first, espalier, is the reference. */
export const SIDES = ["espalier", "tfjs", "jax-js", "torch-cpu"] as const;
export type SideName = (typeof SIDES)[number];

/** "shipped": each library as its users run it, so that only espalier calms Dawn's polling; "calm": all do; "spin": none does. */
export const POLLING = ["shipped", "calm", "spin"] as const;
export type Polling = (typeof POLLING)[number];

export interface CompareOptions {
  /** Interleaved rounds. Default 5. */
  readonly rounds?: number;
  /** Least length of a side's part of a round in milliseconds. Default 300. */
  readonly roundMs?: number;
  /** Sides to run. Default: those that can run on this machine. */
  readonly sides?: readonly SideName[];
  /** True: each process starts with an empty shader cache, so that the first run includes compilation. Default true. */
  readonly coldShaders?: boolean;
  /** Polling on software adapters (see README.md). Default "shipped". */
  readonly polling?: Polling;
  /** Time limit of an answer in seconds. Default 600. */
  readonly timeout?: number;
  readonly onNote?: (line: string) => void;
}

/** Check that the other JavaScript libraries are installed. */
export const peersInstalled = (): boolean => existsSync(at("./node_modules/@tensorflow/tfjs-core/package.json"));

/** Find a Python with PyTorch; null if there is none. */
function findTorch(): string | null {
  const candidates = process.env["PYTHON"] ? [process.env["PYTHON"]] : ["python3", "/usr/bin/python3"];
  return candidates.find((program) => spawnSync(program, ["-c", "import torch"]).status === 0) ?? null;
}

/** List the sides that can run on this machine. */
export function availableSides(): SideName[] {
  return SIDES.filter((side) => {
    if (side === "torch-cpu") return findTorch() !== null;
    return side === "espalier" || peersInstalled();
  });
}

function commandOf(side: SideName, env: Command["env"]): Command {
  if (side === "torch-cpu") return { program: findTorch() ?? "python3", args: [at("./side_torch.py")], env };
  const file = { espalier: "./side_espalier.ts", tfjs: "./side_tfjs.ts", "jax-js": "./side_jax.ts" }[side];
  return {
    program: process.execPath,
    args: ["--import", "tsx", "--import", at("../../tools/wgsl_node.mjs"), at(file)],
    env,
  };
}

interface Contestant {
  readonly side: SideName;
  readonly child: Child;
  readonly prepared: Prepared;
  readonly deviation: number;
  readonly rounds: number[];
  error: string | null;
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

const failed = (side: SideName, error: string): SideResult => ({
  side,
  library: "",
  adapter: "",
  ms: 0,
  rounds: [],
  firstMs: 0,
  dispatches: null,
  submits: null,
  made: null,
  deviation: 0,
  error,
});

function resultOf({ side, prepared, rounds, deviation, error }: Contestant): SideResult {
  const { library, adapter, firstMs, calls } = prepared;
  return {
    side,
    library,
    adapter,
    ms: rounds.length > 0 ? median(rounds) : 0,
    rounds,
    firstMs,
    dispatches: calls?.dispatches ?? null,
    submits: calls?.submits ?? null,
    made: calls ? objectsMade(calls) : null,
    deviation,
    error,
  };
}

/** Return the environment of a side's process; a shader cache folder that it made goes to `folders`. */
async function environmentOf(
  side: SideName,
  options: CompareOptions,
  folders: string[],
): Promise<Record<string, string>> {
  const { coldShaders = true, polling = "shipped" } = options;
  const spin = polling === "spin" || (polling === "shipped" && side !== "espalier");
  const env: Record<string, string> = { ESPALIER_SOFTWARE_NOTED: "1", ESPALIER_SPIN: spin ? "1" : "0" };
  if (coldShaders) {
    const folder = await mkdtemp(join(tmpdir(), "espalier-peers-"));
    folders.push(folder);
    env["MESA_SHADER_CACHE_DIR"] = folder;
  }
  return env;
}

/** Time `rounds` rounds of all sides in turn. A side that fails runs no further rounds. */
async function runRounds(contestants: readonly Contestant[], rounds: number, roundMs: number): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    for (const contestant of contestants) {
      if (contestant.error !== null) continue;
      try {
        contestant.rounds.push((await contestant.child.round(roundMs)).ms);
      } catch (error) {
        contestant.error = messageOf(error);
      }
    }
  }
}

/** Run one workload on every side. A side that fails or computes other numbers is reported, and the others continue. */
export async function compareSides(work: Workload, options: CompareOptions = {}): Promise<WorkloadResult> {
  const { rounds = 5, roundMs = 300, timeout = 600, onNote } = options;
  if (!(Number.isInteger(rounds) && rounds >= 1)) {
    throw new RangeError(`rounds: expected an integer >= 1, got ${rounds}`);
  }
  if (!(roundMs > 0)) throw new RangeError(`roundMs: expected a number > 0, got ${roundMs}`);
  const tolerance = toleranceOf(work);
  const folders: string[] = [];
  const children: Child[] = [];
  const contestants: Contestant[] = [];
  const failures: SideResult[] = [];
  let reference: Float32Array[] | null = null;
  try {
    for (const side of options.sides ?? availableSides()) {
      const child = new Child(commandOf(side, await environmentOf(side, options, folders)), 1000 * timeout);
      children.push(child);
      try {
        const prepared = await child.prepare(work);
        const results = prepared.results.map(decodeFloats);
        reference ??= results;
        const deviation = deviationOf(results, reference);
        const error =
          deviation <= tolerance ? null : `other numbers: off by ${deviation.toPrecision(3)} of the largest`;
        contestants.push({ side, child, prepared, deviation, rounds: [], error });
        onNote?.(
          `${work.name}: ${side} first ${prepared.firstMs.toFixed(0)} ms, then ${prepared.warmMs.toFixed(1)} ms`,
        );
      } catch (error) {
        failures.push(failed(side, messageOf(error)));
        onNote?.(`${work.name}: ${side} failed: ${messageOf(error)}`);
        await child.end();
      }
    }
    await runRounds(contestants, rounds, roundMs);
  } finally {
    for (const child of children) await child.end();
    for (const folder of folders) await rm(folder, { recursive: true, force: true });
  }
  return { name: work.name, tolerance, sides: [...contestants.map(resultOf), ...failures] };
}
