// Detection of GPUs without a working driver, on fake machines.
import { expect, test } from "vitest";
import { type HardwareView, signOfGpu } from "../../src/setup/hardware.ts";

const view = (files: Record<string, string>, linked: readonly string[] = []): HardwareView => ({
  list: (folder) =>
    Object.keys(files)
      .filter((path) => path.startsWith(`${folder}/`) && !path.slice(folder.length + 1).includes("/"))
      .map((path) => path.slice(folder.length + 1)),
  read: (path) => files[path] ?? null,
  exists: (path) => path in files,
  links: (library) => linked.includes(library),
});
const card = (vendor: string) => ({
  "/dev/dri/renderD128": "",
  "/sys/class/drm/renderD128/device/vendor": `${vendor}\n`,
});
const manifest = (library: string) => JSON.stringify({ file_format_version: "1.0.0", ICD: { library_path: library } });
const signOf = (files: Record<string, string>, linked?: readonly string[]) => signOfGpu(view(files, linked), "linux");

test("reports a GPU with a device node", () => {
  expect(signOf(card("0x1002"))).toBe(
    "this machine has an AMD GPU (/dev/dri/renderD128) without a working Vulkan driver",
  );
  expect(signOf({ "/dev/nvidia0": "" })).toContain("an NVIDIA GPU (/dev/nvidia0)");
});

test("ignores the display of a virtual machine, and a host's GPU without a device node", () => {
  expect(signOf({})).toBeNull();
  expect(signOf(card("0x1af4"))).toBeNull();
  expect(signOf({ "/sys/class/drm/renderD128/device/vendor": "0x10de" })).toBeNull();
});

test("reports a registered driver whose library is missing", () => {
  const path = "/usr/share/vulkan/icd.d/nvidia_icd.json";
  expect(signOf({ [path]: manifest("libGLX_nvidia.so.0") })).toBe(
    `a GPU driver is registered by ${path}, whose library libGLX_nvidia.so.0 is missing`,
  );
  expect(signOf({ [path]: manifest("libGLX_nvidia.so.0") }, ["libGLX_nvidia.so.0"])).toBeNull();
  expect(signOf({ [path]: "{" })).toContain("which cannot be read");
  const intel = "/etc/vulkan/icd.d/intel_icd.json";
  expect(signOf({ [intel]: manifest("/usr/lib/libvulkan_intel.so") })).toContain("is missing");
  expect(signOf({ [intel]: manifest("/usr/lib/libvulkan_intel.so"), "/usr/lib/libvulkan_intel.so": "" })).toBeNull();
  expect(signOf({ [intel]: manifest("../lib/x.so"), "/etc/vulkan/lib/x.so": "" })).toBeNull();
  // A manifest of a software driver is no evidence of a GPU.
  expect(signOf({ "/usr/share/vulkan/icd.d/lvp_icd.json": manifest("/gone.so") })).toBeNull();
});

test("reports nothing outside Linux", () => {
  expect(signOfGpu(view({ "/dev/nvidia0": "" }), "darwin")).toBeNull();
});
