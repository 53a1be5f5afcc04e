// The first training step in a new process, with an empty and with a filled shader cache. Node only.
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { LENET, RESNET } from "../cases/steps.ts";
import type { TrainingOptions } from "../cases/training.ts";
import type { HostCase } from "../lib/case.ts";

/** Milliseconds measured in the child process. */
export interface FirstStep {
  /** Opening adapter and device. */
  readonly openMs: number;
  /** Model, optimizer, recording, compiling, and the step itself with its loss read back. */
  readonly firstMs: number;
  /** The second step. */
  readonly secondMs: number;
}

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** Run a first step in a child process, with Mesa's shader cache in `folder` (other drivers use their own cache). */
export async function firstStep(options: TrainingOptions, folder: string): Promise<FirstStep> {
  const { model, batch, channels, size } = options;
  const flags = { model, batch, channels, size };
  const args = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const loaders = ["--import", "tsx", "--import", at("../../tools/wgsl_node.mjs")];
  const env = { ...process.env, MESA_SHADER_CACHE_DIR: folder, ESPALIER_SOFTWARE_NOTED: "1" };
  const child = spawn(process.execPath, [...loaders, at("./first_step.ts"), ...args], { env });
  let [out, words] = ["", ""];
  child.stdout.on("data", (bytes: Buffer) => {
    out += bytes.toString();
  });
  child.stderr.on("data", (bytes: Buffer) => {
    words = (words + bytes.toString()).slice(-600);
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  if (code !== 0) throw new Error(`the first step of ${model} ended with code ${code}: ${words.trim()}`);
  return JSON.parse(out) as FirstStep;
}

/** Measure the first step with an empty cache, and again with the filled one. */
export async function coldAndWarm(options: TrainingOptions): Promise<{ cold: FirstStep; warm: FirstStep }> {
  const folder = await mkdtemp(join(tmpdir(), "espalier-cold-"));
  try {
    const cold = await firstStep(options, folder);
    return { cold, warm: await firstStep(options, folder) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function coldCase(options: TrainingOptions): HostCase {
  return {
    kind: "host",
    group: "first step",
    name: `${options.model} batch ${options.batch}`,
    async measure() {
      const { cold, warm } = await coldAndWarm(options);
      return [
        { name: "cold", value: cold.firstMs, unit: "ms" },
        { name: "warm", value: warm.firstMs, unit: "ms" },
        { name: "second step", value: warm.secondMs, unit: "ms" },
        { name: "opening the device", value: warm.openMs, unit: "ms" },
      ];
    },
  };
}

/** Cases that start processes: for the command line only. */
export const nodeCases: readonly HostCase[] = [coldCase(LENET), coldCase(RESNET)];
