// Memory left for this process: the limit of a software adapter's buffers. Its driver crashes if memory runs out.
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** Bytes left, and their limit. */
export interface MemoryLimit {
  readonly bytes: number;
  /** Name of the limit, such as "the process's address space (ulimit -v)". */
  readonly of: string;
}

/** Reads a whole file; null if it does not exist. */
type ReadText = (path: string) => string | null;

const fromDisk: ReadText = (path) => {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
};

const MIB = 2 ** 20;
/**
 * Memory of a run besides the GPU's buffers once the adapter is open: compiled kernels, V8's heap, threads. Measured
 * with Mesa 25 from LeNet to ResNet-20: 180 to 290 MiB of memory, 260 MiB of data, and 360 MiB of addresses.
 */
const BESIDES = { memory: 256 * MIB, data: 320 * MIB, addresses: 384 * MIB };

const field = (text: string | null, pattern: RegExp): number => Number(pattern.exec(text ?? "")?.[1] ?? Number.NaN);

/** Read the soft limit from a line such as "Max address space  2457600000  unlimited  bytes". */
const softLimit = (limits: string | null, name: string) => field(limits, new RegExp(`^${name}\\s+(\\d+)\\s`, "m"));

/** Return the folders of a control group and its parents, its own first. */
function withParents(root: string, group: string): string[] {
  const parts = group.split("/").filter(Boolean);
  return [...Array.from({ length: parts.length }, (_, i) => join(root, ...parts.slice(0, parts.length - i))), root];
}

/**
 * Return the memory left by a container's control groups, in both versions' files. The file cache does not count as
 * used.
 */
function groupLimits(read: ReadText): number[] {
  const groups = read("/proc/self/cgroup") ?? "";
  const left: number[] = [];
  const look = (folder: string, [most, used, cache]: readonly [string, string, RegExp]) => {
    const limit = field(read(join(folder, most)), /^(\d+)/);
    const current = field(read(join(folder, used)), /^(\d+)/);
    const files = field(read(join(folder, "memory.stat")), cache) || 0;
    // Version 1 writes "no limit" as a number beyond any memory.
    if (limit < 2 ** 53 && !Number.isNaN(current)) left.push(limit - Math.max(0, current - files));
  };
  for (const line of groups.split("\n")) {
    const [, controllers, group = "/"] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers === "")
      for (const folder of withParents("/sys/fs/cgroup", group))
        look(folder, ["memory.max", "memory.current", /^file (\d+)/m]);
    if (controllers?.split(",").includes("memory"))
      for (const folder of withParents("/sys/fs/cgroup/memory", group))
        look(folder, ["memory.limit_in_bytes", "memory.usage_in_bytes", /^total_cache (\d+)/m]);
  }
  return left;
}

/**
 * Return the memory for the GPU buffers of a software adapter in this process, after it was opened: the least of the
 * machine's free memory and swap, a container's limit, and the process's own. Null if the system does not say (only
 * Linux does).
 */
export function memoryLimit(read: ReadText = fromDisk): MemoryLimit | null {
  const info = read("/proc/meminfo");
  const limits = read("/proc/self/limits");
  const status = read("/proc/self/status");
  const kib = (text: string | null, name: string) => 1024 * field(text, new RegExp(`^${name}:\\s+(\\d+)`, "m"));
  const swap = kib(info, "SwapFree") || 0;
  const free: MemoryLimit[] = [
    { bytes: kib(info, "MemAvailable") + swap - BESIDES.memory, of: "the machine's free memory" },
    { bytes: Math.min(...groupLimits(read)) - BESIDES.memory, of: "the container's memory limit (cgroup)" },
    {
      bytes: softLimit(limits, "Max address space") - kib(status, "VmSize") - BESIDES.addresses,
      of: "the process's address space (ulimit -v)",
    },
    {
      bytes: softLimit(limits, "Max data size") - kib(status, "VmData") - BESIDES.data,
      of: "the process's data (ulimit -d)",
    },
  ];
  const known = free.filter(({ bytes }) => Number.isFinite(bytes));
  if (known.length === 0) return null;
  const least = known.reduce((a, b) => (b.bytes < a.bytes ? b : a));
  return { ...least, bytes: Math.max(0, least.bytes) };
}
