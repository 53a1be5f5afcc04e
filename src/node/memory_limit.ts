// How much memory this process may still take: what a software adapter's buffers have to fit into. Its driver does not say
// when memory runs out: it crashes.
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** Bytes that are still to be had, and what limits them. */
export interface MemoryLimit {
  readonly bytes: number;
  /** In words, as "the process's address space (ulimit -v)". */
  readonly of: string;
}

/** Reads a file whole; null where there is none. */
export type ReadText = (path: string) => string | null;

const fromDisk: ReadText = (path) => {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
};

const MIB = 2 ** 20;
/**
 * What a run takes besides the GPU's buffers once the adapter is open: compiled kernels, V8's heap, threads. Measured with
 * Mesa 25 from LeNet to ResNet-20: 180 to 290 MiB of memory, 260 MiB of data, and 360 MiB of addresses.
 */
const BESIDES = { memory: 256 * MIB, data: 320 * MIB, addresses: 384 * MIB };

const field = (text: string | null, pattern: RegExp): number => Number(pattern.exec(text ?? "")?.[1] ?? Number.NaN);

/** Of "Max address space  2457600000  unlimited  bytes": the soft limit. */
const softLimit = (limits: string | null, name: string) => field(limits, new RegExp(`^${name}\\s+(\\d+)\\s`, "m"));

/** The folders of a control group and those above it, its own first. */
function withParents(root: string, group: string): string[] {
  const parts = group.split("/").filter(Boolean);
  return [...Array.from({ length: parts.length }, (_, i) => join(root, ...parts.slice(0, parts.length - i))), root];
}

/** What the control groups of a container leave, by either version's files. A cache of files is given back when needed. */
function groupLimits(read: ReadText): number[] {
  const groups = read("/proc/self/cgroup") ?? "";
  const left: number[] = [];
  const look = (folder: string, [most, used, cache]: readonly [string, string, RegExp]) => {
    const limit = field(read(join(folder, most)), /^(\d+)/);
    const current = field(read(join(folder, used)), /^(\d+)/);
    const files = field(read(join(folder, "memory.stat")), cache) || 0;
    // The first version writes "no limit" as a number beyond any memory.
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
 * What the GPU buffers of a software adapter may take in this process, after it was opened: the least of the machine's free
 * memory and swap, a container's limit, and the process's own. Null where the system does not say (it is asked on Linux).
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
