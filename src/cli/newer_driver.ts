// Starts a command on the driver that `setup --driver mesa-latest` unpacked: Node must be started with the driver's C library.
import { hasGpuNode } from "../node/gpu_nodes.ts";
import { isMesaLatestChosen, mesaLatest, runsOnMesaLatest, startedByLauncher } from "../node/mesa_latest.ts";
import { replaceProcess } from "../node/replace_process.ts";

/** Commands that open an adapter. */
const COMMANDS: ReadonlySet<string> = new Set([
  ...["train", "eval", "recalibrate", "predict", "compact", "bench-model", "export", "info", "doctor", "setup"],
]);

/** Facts on which the start depends; tests give their own. */
export interface StartFacts {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The user chose mesa-latest by `setup`. */
  readonly chosen: boolean;
  /** The system has a device file of a GPU. */
  readonly gpu: boolean;
}

/** Return true if a command must start on mesa-latest: the user chose it, and neither a GPU nor another choice comes first. */
export function startsOnMesaLatest({ argv, env, chosen, gpu }: StartFacts): boolean {
  if (!COMMANDS.has(argv.find((word) => !word.startsWith("-")) ?? "")) return false;
  const has = (flag: string) => argv.some((word) => word === flag || word.startsWith(`${flag}=`));
  // `setup --driver` tests the driver that it installs; help needs no driver.
  if (has("--driver") || has("--require-gpu") || has("--help") || has("-h")) return false;
  const driver = env["ESPALIER_DRIVER"] || undefined;
  if (driver !== undefined) return driver === "mesa-latest";
  if (env["ESPALIER_REQUIRE_GPU"] === "1" || env["VK_DRIVER_FILES"] || env["VK_ICD_FILENAMES"]) return false;
  return chosen && !gpu;
}

/**
 * Start this command again on mesa-latest if it must run there. Returns null if it runs here, else the exit code of the
 * command, unless the process was replaced.
 */
export async function startOnMesaLatest(argv: readonly string[]): Promise<number | null> {
  const latest = mesaLatest();
  if (latest === null || process.release.name !== "node" || process.versions["bun"] !== undefined) return null;
  const facts = { argv, env: process.env, chosen: isMesaLatestChosen(), gpu: hasGpuNode() };
  if (!startsOnMesaLatest(facts) || startedByLauncher() || runsOnMesaLatest()) return null;
  process.env["ESPALIER_NODE"] = process.execPath;
  return replaceProcess(latest.node, [...process.execArgv, ...process.argv.slice(1)]);
}
