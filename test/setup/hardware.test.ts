// The sign of a GPU, from machines made up.
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

test("a card that programs may open", () => {
  expect(signOf(card("0x1002"))).toBe(
    "this machine has a GPU of AMD (/dev/dri/renderD128), and no Vulkan driver that works for it",
  );
  expect(signOf({ "/dev/nvidia0": "" })).toContain("a GPU of NVIDIA (/dev/nvidia0)");
});

test("none: a virtual machine's display, and a host's card that a container only sees", () => {
  expect(signOf({})).toBeNull();
  expect(signOf(card("0x1af4"))).toBeNull();
  expect(signOf({ "/sys/class/drm/renderD128/device/vendor": "0x10de" })).toBeNull();
});

test("a card's driver that is registered and not there", () => {
  const path = "/usr/share/vulkan/icd.d/nvidia_icd.json";
  expect(signOf({ [path]: manifest("libGLX_nvidia.so.0") })).toBe(
    `a GPU's driver is registered here by ${path}, whose libGLX_nvidia.so.0 is not there`,
  );
  expect(signOf({ [path]: manifest("libGLX_nvidia.so.0") }, ["libGLX_nvidia.so.0"])).toBeNull();
  expect(signOf({ [path]: "{" })).toContain("which cannot be read");
  const intel = "/etc/vulkan/icd.d/intel_icd.json";
  expect(signOf({ [intel]: manifest("/usr/lib/libvulkan_intel.so") })).toContain("is not there");
  expect(signOf({ [intel]: manifest("/usr/lib/libvulkan_intel.so"), "/usr/lib/libvulkan_intel.so": "" })).toBeNull();
  expect(signOf({ [intel]: manifest("../lib/x.so"), "/etc/vulkan/lib/x.so": "" })).toBeNull();
  // A software driver's is set up anew.
  expect(signOf({ "/usr/share/vulkan/icd.d/lvp_icd.json": manifest("/gone.so") })).toBeNull();
});

test("other systems bring their drivers themselves", () => {
  expect(signOfGpu(view({ "/dev/nvidia0": "" }), "darwin")).toBeNull();
});
