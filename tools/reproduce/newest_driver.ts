// Starts the experiments on the driver mesa-latest if it is set up: on two cores it takes half the time of the system's Mesa.
import { hasGpuNode } from "../../src/node/gpu_nodes.ts";
import { mesaLatest, runsOnMesaLatest, startedByLauncher } from "../../src/node/mesa_latest.ts";
import { replaceProcess } from "../../src/node/replace_process.ts";

/** Variables by which a user chooses a driver. */
const CHOICES = ["ESPALIER_DRIVER", "ESPALIER_ADAPTER", "VK_DRIVER_FILES", "VK_ICD_FILENAMES"];

/**
 * Start this program again on mesa-latest. Returns null if it runs there, if a GPU or another choice comes first, or if the driver is
 * not set up; else the exit code, unless the process was replaced.
 */
export async function startOnNewestDriver(): Promise<number | null> {
  const latest = mesaLatest();
  if (latest === null || hasGpuNode() || startedByLauncher() || runsOnMesaLatest()) return null;
  if (CHOICES.some((name) => process.env[name])) return null;
  process.env["ESPALIER_NODE"] = process.execPath;
  return replaceProcess(latest.node, [...process.execArgv, ...process.argv.slice(1)]);
}
