// How much memory is left, read from made-up files of Linux.
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

test("the machine's free memory and swap, less what a run takes besides", () => {
  expect(memoryLimit(files({}))).toEqual({ bytes: (9 * GIB - 256) * MIB, of: "the machine's free memory" });
});

test("ulimit -v and -d, less what the process has", () => {
  expect(memoryLimit(files(limits("Max address space", 2344)))).toEqual({
    bytes: (2344 - 1700 - 384) * MIB,
    of: "the process's address space (ulimit -v)",
  });
  expect(memoryLimit(files(limits("Max data size", 1000)))).toEqual({
    bytes: (1000 - 200 - 320) * MIB,
    of: "the process's data (ulimit -d)",
  });
});

test("less than nothing is nothing", () => {
  expect(memoryLimit(files(limits("Max address space", 1000)))?.bytes).toBe(0);
});

describe("a container's limit", () => {
  const of = "the container's memory limit (cgroup)";
  test("of the second version, of the group or of one above it; the cache of files does not count", () => {
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
  test("of the first version, where no limit is a huge number", () => {
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

test("where the system says nothing, nothing is known", () => {
  expect(memoryLimit(() => null)).toBeNull();
});

test("this machine, where it is Linux, has memory left", () => {
  const limit = memoryLimit();
  if (process.platform === "linux") expect(limit?.bytes).toBeGreaterThan(0);
  else expect(limit).toBeNull();
});
