// Memory left, read from sample files of Linux.
import { describe, expect, test } from "vitest";
import { memoryLimit } from "../../src/node/memory_limit.ts";

const MIB = 2 ** 20;
const GIB = 1024;
const files = (change: Record<string, string>) => {
  const all: Record<string, string> = {
    "/proc/meminfo": `MemTotal: 99999 kB\nMemAvailable:   ${8 * GIB * 1024} kB\nSwapFree:       ${1024 * 1024} kB\n`,
    "/proc/self/status": `Name: node\nVmSize:\t ${1700 * 1024} kB\nVmData:\t ${200 * 1024} kB\n`,
    "/proc/self/limits":
      "Limit                     Soft Limit           Hard Limit           Units     \n" +
      "Max data size             unlimited            unlimited            bytes     \n" +
      "Max address space         unlimited            unlimited            bytes     \n",
    ...change,
  };
  return (path: string) => all[path] ?? null;
};
const limits = (name: string, mib: number) => ({
  "/proc/self/limits": `${name.padEnd(26)}${String(mib * MIB).padEnd(21)}unlimited            bytes     \n`,
});

test("is the machine's free memory and swap, less the other memory of a run", () => {
  expect(memoryLimit(files({}))).toEqual({ bytes: (9 * GIB - 256) * MIB, of: "the machine's free memory" });
});

test("is ulimit -v and -d, less the memory of the process", () => {
  expect(memoryLimit(files(limits("Max address space", 2344)))).toEqual({
    bytes: (2344 - 1700 - 384) * MIB,
    of: "the process's address space (ulimit -v)",
  });
  expect(memoryLimit(files(limits("Max data size", 1000)))).toEqual({
    bytes: (1000 - 200 - 320) * MIB,
    of: "the process's data (ulimit -d)",
  });
});

test("is 0 instead of a negative number", () => {
  expect(memoryLimit(files(limits("Max address space", 1000)))?.bytes).toBe(0);
});

describe("a container's limit", () => {
  const of = "the container's memory limit (cgroup)";
  test("of version 2, of the group or of one above it; the file cache does not count", () => {
    const group = {
      "/proc/self/cgroup": "0::/a/b\n",
      "/sys/fs/cgroup/a/b/memory.max": "max\n",
      "/sys/fs/cgroup/a/b/memory.current": "5\n",
      "/sys/fs/cgroup/a/memory.max": `${1000 * MIB}\n`,
      "/sys/fs/cgroup/a/memory.current": `${600 * MIB}\n`,
      "/sys/fs/cgroup/a/memory.stat": `anon 7\nfile ${200 * MIB}\n`,
    };
    expect(memoryLimit(files(group))).toEqual({ bytes: (1000 - 400 - 256) * MIB, of });
  });
  test("of a container that sees only its own group", () => {
    const group = {
      "/proc/self/cgroup": "0::/\n",
      "/sys/fs/cgroup/memory.max": `${2000 * MIB}`,
      "/sys/fs/cgroup/memory.current": `${100 * MIB}`,
    };
    expect(memoryLimit(files(group))).toEqual({ bytes: (2000 - 100 - 256) * MIB, of });
  });
  test("of version 1, in which no limit is a huge number", () => {
    const group = (limit: string) => ({
      "/proc/self/cgroup": "5:cpu,cpuacct:/x\n4:memory:/x\n0::/\n",
      "/sys/fs/cgroup/memory/x/memory.limit_in_bytes": limit,
      "/sys/fs/cgroup/memory/x/memory.usage_in_bytes": `${300 * MIB}\n`,
      "/sys/fs/cgroup/memory/x/memory.stat": `cache 1\ntotal_cache ${50 * MIB}\n`,
    });
    expect(memoryLimit(files(group(`${1000 * MIB}\n`)))).toEqual({ bytes: (1000 - 250 - 256) * MIB, of });
    expect(memoryLimit(files(group("9223372036854771712\n")))?.of).toBe("the machine's free memory");
  });
});

test("is null if the system does not say", () => {
  expect(memoryLimit(() => null)).toBeNull();
});

test("is positive on this machine, if it is Linux", () => {
  const limit = memoryLimit();
  if (process.platform === "linux") expect(limit?.bytes).toBeGreaterThan(0);
  else expect(limit).toBeNull();
});
