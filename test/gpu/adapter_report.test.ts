// The classification of adapters as GPUs or CPUs, and the facts about lavapipe, on reports of many drivers and browsers.
import { describe, expect, test } from "vitest";
import { type AdapterReport, isSoftware } from "../../src/gpu/adapter_report.ts";
import { lavapipe } from "../../src/gpu/driver_traits.ts";

/** Vendor, architecture, device, description, `isFallbackAdapter` (undefined: the browser lacks it). */
type Report = readonly [string, string, string, string, boolean | undefined];

/** Reports of Dawn in Node, as recorded. */
const GPUS_ON_LINUX: readonly Report[] = [
  ["mesa", "software", "apple-m1-g13g-a0-", "Honeykrisp: Mesa 26.2.6-1", false],
  ["nvidia", "kepler", "nvk-", "NVK: Mesa 26.2.6-1 26.0.128.6", false],
  ["amd", "rdna-3", "amd-radeon-graphics-radv-navi31-", "radv: Mesa 26.2.6-1", false],
  ["amd", "rdna-4", "amd-radeon-graphics-radv-gfx1201-", "radv: Mesa 26.2.6-1", false],
  ["amd", "rdna-2", "amd-radeon-rx-6800-radv-navi21-", "radv: Mesa 26.2.6-1", false],
  ["amd", "gcn-5", "amd-radeon-rx-vega-radv-vega10-", "radv: Mesa 26.2.6-1", false],
  ["amd", "gcn-4", "amd-radeon-rx-580-series-radv-polaris10-", "radv: Mesa 26.2.6-1", false],
  ["qualcomm", "adreno-7xx", "turnip-adreno-tm-740", "turnip Mesa driver: Mesa 26.2.6-1", false],
  ["nvidia", "hopper", "nvidia-h200", "NVIDIA: 580.126.09", false],
];
const LAVAPIPES: readonly Report[] = [
  ["mesa", "software", "llvmpipe-llvm-15-0-6-256-bits-", "llvmpipe: Mesa 25.0.7-2~bpo12+1 (LLVM 15.0.6) 0.0.1", true],
  ["mesa", "software", "llvmpipe-llvm-22-1-8-256-bits-", "llvmpipe: Mesa 26.2.6-1 (LLVM 22.1.8)", true],
  ["mesa", "software", "llvmpipe-llvm-22-1-8-512-bits-", "llvmpipe: Mesa 26.2.6-1 (LLVM 22.1.8)", true],
];

/** Reports of other systems and browsers, in the form that they give. */
const GPUS_ELSEWHERE: readonly Report[] = [
  ["apple", "metal-3", "apple-m2-pro", "Metal driver on macOS Version 15.5 (Build 24F74)", false],
  ["intel", "xe-hpg", "intel-r-arc-tm-a770-graphics-dg2-", "Intel open-source Mesa driver: Mesa 25.0.7", false],
  ["intel", "gen-12lp", "intel-r-iris-r-xe-graphics", "D3D12 driver version 31.0.101.5186", false],
  ["nvidia", "lovelace", "nvidia-geforce-rtx-4080", "D3D12 driver version 32.0.15.6590", false],
  ["arm", "valhall", "mali-g610", "panvk: Mesa 25.1.0", false],
  ["broadcom", "", "v3d-7-1-7-0", "V3DV Mesa: Mesa 25.0.7", false],
  ["img-tec", "", "powervr-b-series-bxs-4-64", "PowerVR", false],
  // An NVIDIA GPU through Mesa's driver for Direct3D 12.
  ["nvidia", "ampere", "microsoft-direct3d12-nvidia-geforce-rtx-3080-", "Dozen: Mesa 25.0.7", false],
  // Browsers shorten their reports. Chrome on macOS, Windows, Android, and on Linux with an Apple GPU:
  ["apple", "metal-3", "", "", false],
  ["nvidia", "ampere", "", "", false],
  ["qualcomm", "adreno-7xx", "", "", false],
  ["mesa", "software", "", "", false],
  // Safari; Firefox.
  ["apple", "", "", "", undefined],
  ["", "", "", "", false],
  // Chrome before `isFallbackAdapter`, with its developer features.
  ["mesa", "software", "apple-m1-g13g-b1-", "Honeykrisp: Mesa 25.0.7", undefined],
  ["mesa", "software", "", "", undefined],
  ["amd", "rdna-3", "", "", undefined],
];
const CPUS_ELSEWHERE: readonly Report[] = [
  ["google", "swiftshader", "swiftshader-device-subzero-", "SwiftShader driver: 5.0.0", true],
  ["microsoft", "warp", "microsoft-basic-render-driver", "D3D12 driver version 10.0.26100.1301", true],
  ["mesa", "software", "llvmpipe-llvm-19-1-7-256-bits-", "llvmpipe: Mesa 25.0.7 (LLVM 19.1.7)", undefined],
  // A virtual machine's GPU that the host computes on its CPU.
  ["mesa", "", "virtio-gpu-venus-llvmpipe-llvm-19-1-7-256-bits-", "venus: Mesa 25.0.7", false],
  ["microsoft", "", "microsoft-direct3d12-microsoft-basic-render-driver-", "Dozen: Mesa 25.0.7", false],
  // Chrome; Chrome before `isFallbackAdapter`; Firefox on WARP; wgpu.
  ["google", "swiftshader", "", "", true],
  ["google", "swiftshader", "", "", undefined],
  ["microsoft", "warp", "", "", undefined],
  ["", "", "", "", true],
  ["", "", "Microsoft Basic Render Driver", "", undefined],
  ["apple", "", "", "Apple Software Renderer", undefined],
];

const asInfo = ([vendor, architecture, device, description, isFallbackAdapter]: Report) =>
  ({ vendor, architecture, device, description, isFallbackAdapter }) as GPUAdapterInfo;

describe("isSoftware", () => {
  test.each([...GPUS_ON_LINUX, ...GPUS_ELSEWHERE])("takes %s %s %s (%s, %s) for a GPU", (...report) => {
    expect(isSoftware(asInfo(report))).toBe(false);
  });
  test.each([...LAVAPIPES, ...CPUS_ELSEWHERE])("takes %s %s %s (%s, %s) for a CPU", (...report) => {
    expect(isSoftware(asInfo(report))).toBe(true);
  });
});

describe("lavapipe", () => {
  const facts = (report: Report, subgroupSize = 0) =>
    lavapipe({ ...asInfo(report), subgroupSize } as unknown as AdapterReport);

  test("returns the version of Mesa and the width of a vector", () => {
    expect(LAVAPIPES.map((report) => facts(report))).toEqual([
      { mesa: 2500, lanes: 8 },
      { mesa: 2602, lanes: 8 },
      { mesa: 2602, lanes: 16 },
    ]);
  });
  test("takes the width from the subgroup size where the name hides it", () => {
    expect(facts(["mesa", "software", "llvmpipe", "", true], 4)).toEqual({ mesa: 0, lanes: 4 });
    expect(facts(["mesa", "software", "llvmpipe", "", true])).toEqual({ mesa: 0, lanes: 8 });
  });
  test("returns null for other drivers of Mesa, GPUs and SwiftShader", () => {
    for (const report of [...GPUS_ON_LINUX, ...GPUS_ELSEWHERE]) expect(facts(report)).toBeNull();
    expect(facts(CPUS_ELSEWHERE[0]!)).toBeNull();
  });
});
