// Divides the CPU cores among processes: software adapters use all cores that a process may use, and several processes on all of
// them take turns.
import { run } from "../../src/node/programs.ts";

/** Read a list of cores as Linux writes it: "0-2,5" -> [0, 1, 2, 5]. */
export function coresFrom(list: string): number[] {
  return list.split(",").flatMap((part) => {
    const [first, last] = part.split("-").map(Number);
    return Array.from({ length: (last ?? first!) - first! + 1 }, (_, i) => first! + i);
  });
}

/** Divide cores into a list for each job, as `taskset` takes it; null if there are fewer cores than jobs. */
export function coreGroups(cores: readonly number[], jobs: number): string[] | null {
  if (cores.length < jobs) return null;
  const start = (job: number) => Math.floor((job * cores.length) / jobs);
  return Array.from({ length: jobs }, (_, job) => cores.slice(start(job), start(job + 1)).join(","));
}

/** Return the cores that this process may use; null without the program `taskset`. */
export async function coresToDivide(): Promise<number[] | null> {
  const { code, stdout } = await run("taskset", ["-pc", String(process.pid)]);
  const [, list] = /:\s*([\d,-]+)\s*$/.exec(stdout) ?? [];
  return code === 0 && list !== undefined ? coresFrom(list) : null;
}
