// The search for an adapter, with mock adapters: order, refusals, and the environment after it.
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { setDriverVariables } from "../../src/node/driver_env.ts";
import { AdapterError, climb, lackOfDriver, type Rung, type Wish } from "../../src/node/ladder.ts";
import { missingLibrary } from "../../src/node/preload.ts";
import { manifestFolders, systemManifests } from "../../src/node/vulkan_manifests.ts";
import { expectedResult } from "../../src/setup/probe.ts";

const info = (change: Partial<GPUAdapterInfo>) =>
  ({
    vendor: "",
    architecture: "",
    device: "",
    description: "",
    isFallbackAdapter: false,
    ...change,
  }) as GPUAdapterInfo;
const gpuWith = (change: Partial<GPUAdapterInfo>) =>
  ({ requestAdapter: async () => ({ info: info(change) }) }) as unknown as GPU;

const hardware = gpuWith({ vendor: "acme", description: "Acme 9000" });
const software = gpuWith({ description: "llvmpipe (LLVM 15)" });
const wish: Wish = { dawnOptions: [], adapter: undefined, requireGpu: false };

/** Make a rung that sets VK_DRIVER_FILES to its own label. */
const rung = (how: Rung["how"], refusal?: string): Rung => ({
  how,
  label: `the ${how} rung`,
  async prepare() {
    if (refusal) throw new AdapterError(refusal);
    return setDriverVariables({ VK_DRIVER_FILES: how });
  },
});

beforeEach(() => {
  vi.stubEnv("VK_DRIVER_FILES", "before");
  vi.stubEnv("VK_ICD_FILENAMES", undefined);
});
afterEach(() => vi.unstubAllEnvs());

describe("climb", () => {
  test("stops at the first adapter and retains its choice of driver", async () => {
    const create = vi.fn(() => hardware);
    const { gpu, found } = await climb(create, { ...wish, dawnOptions: ["adapter=Acme"] }, [
      rung("system"),
      rung("mesa"),
    ]);
    expect(gpu).toBe(hardware);
    expect(found).toEqual({ how: "system", name: "Acme 9000", software: false });
    expect(create.mock.calls).toEqual([[["adapter=Acme"]]]);
    expect(process.env["VK_DRIVER_FILES"]).toBe("system");
  });

  test("continues after a rung that cannot be prepared, and after one that Dawn refuses", async () => {
    const create = () => {
      if (process.env["VK_DRIVER_FILES"] === "mesa") throw new Error("no such device");
      return software;
    };
    const { found } = await climb(create, wish, [rung("system", "no loader"), rung("mesa"), rung("swiftshader")]);
    expect(found).toEqual({ how: "swiftshader", name: "llvmpipe (LLVM 15)", software: true });
  });

  test("names every refusal in order and puts the environment back", async () => {
    const create = () => {
      throw new Error("first line\nsecond line");
    };
    const failing = climb(create, wish, [rung("system", "no loader"), rung("mesa")]);
    await expect(failing).rejects.toThrow(
      `no WebGPU adapter. Tried:\n  - the system rung: no loader\n  - the mesa rung: first line\n    second line\n`,
    );
    await expect(failing).rejects.toMatchObject({ mendable: true });
    expect(process.env["VK_DRIVER_FILES"]).toBe("before");
    expect(process.env["VK_ICD_FILENAMES"]).toBeUndefined();
  });

  test("refuses software if a GPU is required; setup does not help then", async () => {
    const failing = climb(() => software, { ...wish, requireGpu: true }, [rung("system")]);
    await expect(failing).rejects.toThrow("llvmpipe (LLVM 15) is a software adapter: expected a GPU");
    await expect(failing).rejects.toMatchObject({ mendable: false });
    expect((await climb(() => hardware, { ...wish, requireGpu: true }, [rung("system")])).found.software).toBe(false);
  });

  test("does not suggest setup for an unknown name", async () => {
    const failing = climb(() => hardware, { ...wish, adapter: "nosuch" }, [rung("system", "no match")]);
    await expect(failing).rejects.toThrow('no WebGPU adapter whose name contains "nosuch"');
    await expect(failing).rejects.toMatchObject({ mendable: false });
  });
});

test("refuses the system's drivers without running Dawn where they cannot work", () => {
  const lavapipe = ["/usr/share/vulkan/icd.d/lvp_icd.x86_64.json"];
  expect(lackOfDriver([], null)).toMatch(/^there is no Vulkan driver/);
  expect(lackOfDriver(lavapipe, "22.3.6-1+deb12u1")).toBe("lavapipe: expected Mesa 23 or newer, got 22.3.6-1+deb12u1");
  expect(lackOfDriver(lavapipe, "25.0.7-2~bpo12+1")).toBeNull();
  expect(lackOfDriver(["/etc/vulkan/icd.d/nvidia_icd.json"], null)).toBeNull();
});

test("searches for manifests where the Vulkan loader does", () => {
  const folders = manifestFolders({}, "/home/a");
  expect(folders[0]).toBe("/home/a/.config/vulkan/icd.d");
  expect(folders).toContain("/usr/share/vulkan/icd.d");
  expect(manifestFolders({ XDG_DATA_DIRS: "/x:/y" }, "/home/a")).toEqual(
    expect.arrayContaining(["/x/vulkan/icd.d", "/y/vulkan/icd.d", "/usr/share/vulkan/icd.d"]),
  );
  const folder = mkdtempSync(join(tmpdir(), "espalier-manifests-"));
  writeFileSync(join(folder, "a_icd.json"), "{}");
  writeFileSync(join(folder, "README"), "");
  expect(systemManifests([folder, join(folder, "none")])).toEqual([join(folder, "a_icd.json")]);
});

test("reads the missing library from the system's message", () => {
  const words = "libLLVM-15.so.1: cannot open shared object file: No such file or directory";
  expect(missingLibrary(words)).toBe("libLLVM-15.so.1");
  expect(missingLibrary(`Failed to load shared library: ${words}`)).toBe("libLLVM-15.so.1");
  expect(missingLibrary("/a/b.so: file too short")).toBeNull();
});

test("matches the probe's expected numbers to the closed form", () => {
  // x_n = x_0 / 2^n + (1 - 2^-n) / 2, summed over the lanes 0..7.
  for (const [thread, rounds] of [
    [0, 0],
    [3, 1],
    [255, 8],
    [257, 8],
  ] as const) {
    const starts = Array.from({ length: 8 }, (_, lane) => (thread % 256) + lane);
    const want = starts.reduce((sum, x) => sum + x / 2 ** rounds + (1 - 2 ** -rounds) / 2, 0);
    expect(expectedResult(thread, rounds)).toBe(want);
  }
});
